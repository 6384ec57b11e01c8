import { readdirSync, readlinkSync } from "node:fs";
import path from "node:path";

/** Kills the session host of a home, as a reboot would: the process whose standard error is the home's host log. */
export function endSessionHost(home: string): void {
  const log = path.join(home, "logs", "session-host.log");
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      if (readlinkSync(`/proc/${name}/fd/2`) === log) process.kill(Number(name), "SIGKILL");
    } catch {
      // It ended between the two looks, or belongs to somebody else.
    }
  }
}
