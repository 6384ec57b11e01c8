import type { CrashPoints } from "@clauderon/core";

/** Ends this process, as if the power went, when the named point is first reached. For tests. */
export function createCrashPoints(name: string | undefined): CrashPoints | undefined {
  if (name === undefined || name === "") return undefined;
  return {
    reach(reached) {
      if (reached === name) process.kill(process.pid, "SIGKILL");
    },
  };
}
