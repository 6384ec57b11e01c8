import { existsSync, readdirSync, readFileSync } from "node:fs";

/** A process, as the tests tell it from others. */
export interface FoundProcess {
  readonly pid: number;
  readonly command: string;
}

interface ReadProcess extends FoundProcess {
  /** What it was started with, as `NAME=value`. */
  readonly variables: readonly string[];
}

/** Processes of this user, this one left out; none where the system has no /proc. */
export function findProcesses(isWanted: (process: ReadProcess) => boolean): readonly FoundProcess[] {
  if (!existsSync("/proc/self/environ")) return [];
  const found: FoundProcess[] = [];
  for (const name of readdirSync("/proc")) {
    const pid = /^\d+$/.test(name) ? Number(name) : process.pid;
    if (pid === process.pid) continue;
    try {
      const variables = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      if (isWanted({ pid, command, variables })) found.push({ pid, command });
    } catch {
      // It ended while being looked at, or belongs to somebody else.
    }
  }
  return found;
}

/** Ends what still runs of a test's directory, and says what it was. Session hosts wait a while for new work; nothing else may be left. */
export function endProcessesOf(directory: string): readonly FoundProcess[] {
  const found = findProcesses(
    ({ command, variables }) => command.includes(directory) || variables.some((each) => each.includes(directory)),
  );
  for (const { pid } of found) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself meanwhile.
    }
  }
  return found.filter(({ command }) => !/session-host|clauderon-host/.test(command));
}
