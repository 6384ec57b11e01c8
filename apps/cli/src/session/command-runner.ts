/** On its own, so that loading it lazily takes along no more than it needs. */
export { createCommandRunner } from "@clauderon/core/host";
