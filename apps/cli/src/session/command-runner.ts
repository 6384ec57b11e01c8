/** On their own, so that loading them lazily takes along no more than they need. */
export { createCommandRunner, refuseOldGit } from "@clauderon/core/host";
