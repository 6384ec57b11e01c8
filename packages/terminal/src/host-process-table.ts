import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** One living process. */
export interface ProcessEntry {
  readonly processId: number;
  readonly parentId: number;
  readonly groupId: number;
  readonly sessionId: number;
  readonly hasTerminal: boolean;
  /** With the id it names one process for ever; opaque. */
  readonly startTime: string;
}

const hasProc = process.platform === "linux";

/** Every process of this machine that has not ended (zombies left out). */
export function processTable(): readonly ProcessEntry[] {
  if (!hasProc) return processTableByCommand();
  const entries: ProcessEntry[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const entry = readEntry(Number(name));
    if (entry !== undefined) entries.push(entry);
  }
  return entries;
}

/** `undefined` when there is no such process. */
export function processStartTime(processId: number): string | undefined {
  if (hasProc) return readEntry(processId)?.startTime;
  try {
    process.kill(processId, 0);
    return "";
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM" ? "" : undefined;
  }
}

/** The environment a process was started with; empty when it cannot be read. */
export function initialEnvironment(processId: number): readonly string[] {
  if (!hasProc) return [];
  return readProc(processId, "environ")?.split("\0") ?? [];
}

/** Whether the process ignores the signal of that number. */
export function ignoresSignal(processId: number, signalNumber: number): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec((hasProc ? readProc(processId, "status") : undefined) ?? "")?.[1] ?? "0";
  return (BigInt(`0x${mask}`) & (1n << BigInt(signalNumber - 1))) !== 0n;
}

function readEntry(processId: number): ProcessEntry | undefined {
  const text = readProc(processId, "stat");
  if (text === undefined) return undefined;
  // The program's name stands in parentheses and may hold anything, parentheses too.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, parent, group, session, terminal] = fields;
  if (state === "Z" || state === "X") return undefined;
  return {
    processId,
    parentId: Number(parent),
    groupId: Number(group),
    sessionId: Number(session),
    hasTerminal: terminal !== "0",
    startTime: fields[19] ?? "",
  };
}

function readProc(processId: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${processId}/${name}`, "latin1");
  } catch {
    // It ended meanwhile, or is another user's.
    return undefined;
  }
}

function processTableByCommand(): readonly ProcessEntry[] {
  const text = execFileSync("ps", ["-A", "-o", "pid=,ppid=,pgid=,stat=,lstart="], { encoding: "utf8" });
  return text.split("\n").flatMap((line) => {
    const [processId, parentId, groupId, state = "", ...started] = line.trim().split(/\s+/);
    if (!processId || state.startsWith("Z")) return [];
    const isLeader = state.includes("s");
    return [
      {
        processId: Number(processId),
        parentId: Number(parentId),
        groupId: Number(groupId),
        sessionId: isLeader ? Number(processId) : 0,
        hasTerminal: state.includes("+") || isLeader,
        startTime: started.join(" "),
      },
    ];
  });
}
