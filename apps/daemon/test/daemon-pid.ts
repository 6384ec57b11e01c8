import { readFileSync } from "node:fs";
import path from "node:path";

/** The process that says it answers for a home; `undefined` when none does, or not any more. */
export function daemonPid(home: string): number | undefined {
  try {
    return (JSON.parse(readFileSync(path.join(home, "daemon.json"), "utf8")) as { readonly pid: number }).pid;
  } catch (error) {
    // The file comes as a whole and goes as a whole, at any moment.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
