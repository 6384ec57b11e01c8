import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const ENDING_MS = 20_000;
const LOOK_MS = 50;

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

/** Session hosts wait a while for new work. */
const isHost = ({ command }: FoundProcess): boolean => /session-host|clauderon-host/.test(command);

/** Ends what still runs of a test's directory, and says what it was, session hosts apart. What is just ending by itself is given the time. */
export async function endProcessesOf(directory: string): Promise<readonly FoundProcess[]> {
  const look = (): readonly FoundProcess[] =>
    findProcesses(
      ({ command, variables }) => command.includes(directory) || variables.some((each) => each.includes(directory)),
    );
  const deadline = Date.now() + ENDING_MS;
  while (Date.now() < deadline && !look().every(isHost)) await delay(LOOK_MS);
  const found = look();
  for (const { pid } of found) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself meanwhile.
    }
  }
  return found.filter((each) => !isHost(each));
}
