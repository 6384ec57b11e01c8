import type { BackendContext } from "../contract/backend.ts";
import { silentLogger } from "../contract/logger.ts";
import { createCommandRunner } from "./create-command-runner.ts";
import { systemClock } from "./system-clock.ts";

/** The context of a program that embeds the engine: this machine's programs and clock, and no log unless one is given. No I/O. */
export function createHostContext(
  options: Pick<BackendContext, "homeDirectory" | "instanceId"> & Partial<BackendContext>,
): BackendContext {
  return { runner: createCommandRunner(), logger: silentLogger, clock: systemClock, ...options };
}
