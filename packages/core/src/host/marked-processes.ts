import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

/** The variable that marks every process of a sandbox; its value is `<instanceId>/<sandboxId>`. */
export const markerVariable = "CLAUDERON_SANDBOX_ID";

const POLL_MS = 20;
const AFTER_KILL_MS = 5000;

interface ProcessRow {
  readonly processId: number;
  /** The session it belongs to: the process id of the one that called setsid. */
  readonly sessionId: number;
  readonly isMarked: boolean;
}

/**
 * The living processes of a sandbox: those whose environment carries the marker, and everything in the sessions (setsid) of those and of the
 * leaders named. What cleared its environment *and* left its session is not found.
 */
export async function markedProcesses(marker: string, leaders: readonly number[] = []): Promise<readonly number[]> {
  const rows = process.platform === "linux" ? await linuxRows(marker) : await posixRows(marker);
  const own = rows.find((row) => row.processId === process.pid)?.sessionId;
  const sessions = new Set([...leaders, ...rows.filter((row) => row.isMarked).map((row) => row.sessionId)]);
  if (own !== undefined) sessions.delete(own);
  return rows
    .filter((row) => row.processId !== process.pid && (row.isMarked || sessions.has(row.sessionId)))
    .map((row) => row.processId);
}

/** SIGTERM to every process of the sandbox, SIGKILL to what is left after the grace. Resolves when none lives. */
export async function endMarkedProcesses(
  marker: string,
  options: { readonly graceMs: number; readonly leaders?: readonly number[] | undefined },
): Promise<void> {
  const asked = new Set<number>();
  const start = performance.now();
  for (;;) {
    const alive = await markedProcesses(marker, options.leaders);
    if (alive.length === 0) return;
    const elapsedMs = performance.now() - start;
    const isKill = elapsedMs >= options.graceMs;
    for (const processId of alive) {
      if (isKill || !asked.has(processId)) send(processId, isKill ? "SIGKILL" : "SIGTERM");
      asked.add(processId);
    }
    if (elapsedMs > options.graceMs + AFTER_KILL_MS) return;
    await delay(POLL_MS);
  }
}

function send(processId: number, signal: NodeJS.Signals): void {
  try {
    process.kill(processId, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ESRCH" && code !== "EPERM") throw error;
  }
}

async function linuxRows(marker: string): Promise<readonly ProcessRow[]> {
  const names = (await readdir("/proc")).filter((name) => /^\d+$/u.test(name));
  const rows = await Promise.all(names.map((name) => linuxRow(name, marker)));
  return rows.filter((row) => row !== undefined);
}

async function linuxRow(name: string, marker: string): Promise<ProcessRow | undefined> {
  try {
    const status = await readFile(`/proc/${name}/stat`, "latin1");
    // The second field is the program's name in brackets and may contain anything; the third is the state.
    const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return undefined;
    const environment = await readFile(`/proc/${name}/environ`, "latin1").catch(() => "");
    return {
      processId: Number(name),
      sessionId: Number(fields[3]),
      isMarked: environment.split("\0").includes(`${markerVariable}=${marker}`),
    };
  } catch {
    // It ended while it was looked at.
    return undefined;
  }
}

async function posixRows(marker: string): Promise<readonly ProcessRow[]> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-E", "-ww", "-o", "pid=,sess=,stat=,command="], {
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout
    .split("\n")
    .map((line) => /^\s*(\d+)\s+(\S+)\s+(\S+)\s(.*)$/u.exec(line))
    .filter((match) => match !== null && !(match[3] ?? "").startsWith("Z"))
    .map((match) => ({
      processId: Number(match?.[1]),
      // macOS prints 0 where it does not tell: no session then.
      sessionId: Number(match?.[2]) || -1,
      isMarked: ` ${match?.[4] ?? ""} `.includes(` ${markerVariable}=${marker} `),
    }));
}
