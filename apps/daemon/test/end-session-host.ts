import { readdirSync, readlinkSync } from "node:fs";
import path from "node:path";

import { killProcess } from "./kill-process.ts";
import { until } from "./until.ts";

/** Kills the session host of a home, as a reboot would, and waits for its end. */
export async function endSessionHost(home: string): Promise<void> {
  for (const pid of sessionHosts(home)) killProcess(pid);
  await until(() => sessionHosts(home).length === 0, "the session host did not end");
}

/** The processes whose standard error is the home's host log. */
function sessionHosts(home: string): readonly number[] {
  const log = path.join(home, "logs", "session-host.log");
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => {
      try {
        return readlinkSync(`/proc/${entry}/fd/2`) === log;
      } catch {
        // It ended between the two looks, or belongs to somebody else.
        return false;
      }
    })
    .map(Number);
}
