import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { promisify } from "node:util";

/** One living process. */
export interface ProcessEntry {
  readonly processId: number;
  readonly parentId: number;
  readonly groupId: number;
  /** Of the process that called setsid; 0 where the system does not tell. */
  readonly sessionId: number;
  readonly hasTerminal: boolean;
  /** With the id it names one process for ever; opaque. */
  readonly startTime: string;
  /** What it was started with, as `NAME=value`; empty when it cannot be read. */
  readonly environment: readonly string[];
}

/** A look at the processes of this machine. */
export interface ProcessTable {
  readonly entries: readonly ProcessEntry[];
  /** A process ended while the others were read: what it started meanwhile may be missing. */
  readonly hasGap: boolean;
}

const hasProc = process.platform === "linux";
/** Read in one go; others get their turn in between. */
const sliceLength = 64;
/** Parent of the kernel's own threads, which have no environment. */
const kernelParent = 2;

/** Every process that has not ended (zombies left out). */
export async function processTable(): Promise<ProcessTable> {
  if (!hasProc) return processTableByCommand();
  const entries: ProcessEntry[] = [];
  let hasGap = false;
  const names = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  for (const [index, name] of names.entries()) {
    if (index % sliceLength === sliceLength - 1) await nextTurn();
    const entry = readStatus(Number(name));
    if (entry === "gone") hasGap = true;
    else if (entry !== "ended") entries.push({ ...entry, environment: initialEnvironment(entry) });
  }
  return { entries, hasGap };
}

/** `undefined` when there is no such process. */
export function processStartTime(processId: number): string | undefined {
  if (hasProc) {
    const entry = readStatus(processId);
    return typeof entry === "string" ? undefined : entry.startTime;
  }
  try {
    process.kill(processId, 0);
    return "";
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM" ? "" : undefined;
  }
}

/** Whether there is such a process, of whatever user; a zombie, which may wait for its parent for ever, has ended. */
export function isProcessRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
  } catch (error) {
    // EPERM: it is another user's.
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false;
  }
  return !hasProc || readStatus(processId) !== "ended";
}

/** Whether the process ignores the signal of that number; false where the system does not tell. */
export function ignoresSignal(processId: number, signalNumber: number): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec((hasProc ? readProc(processId, "status") : undefined) ?? "")?.[1] ?? "0";
  return (BigInt(`0x${mask}`) & (1n << BigInt(signalNumber - 1))) !== 0n;
}

/** `ended`: a zombie, which is as good as gone. */
function readStatus(processId: number): Omit<ProcessEntry, "environment"> | "gone" | "ended" {
  const text = readProc(processId, "stat");
  if (text === undefined) return "gone";
  // The program's name stands in parentheses and may hold anything, parentheses too.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ", 20);
  const [state, parent, group, session, terminal] = fields;
  if (state === "Z" || state === "X") return "ended";
  return {
    processId,
    parentId: Number(parent),
    groupId: Number(group),
    sessionId: Number(session),
    hasTerminal: terminal !== "0",
    startTime: fields[19] ?? "",
  };
}

function initialEnvironment({ processId, parentId }: Omit<ProcessEntry, "environment">): readonly string[] {
  return parentId === kernelParent ? [] : (readProc(processId, "environ")?.split("\0") ?? []);
}

function readProc(processId: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${processId}/${name}`, "latin1");
  } catch {
    // It ended meanwhile, or is another user's.
    return undefined;
  }
}

async function processTableByCommand(): Promise<ProcessTable> {
  const columns = "pid=,ppid=,pgid=,stat=,lstart=,command=";
  const { stdout } = await promisify(execFile)("ps", ["-A", "-E", "-ww", "-o", columns], {
    maxBuffer: 64 * 1024 * 1024,
  });
  const entries = stdout.split("\n").flatMap((line) => {
    const [processId, parentId, groupId, state = "", ...rest] = line.trim().split(/\s+/);
    if (!processId || state.startsWith("Z")) return [];
    const isLeader = state.includes("s");
    return [
      {
        processId: Number(processId),
        parentId: Number(parentId),
        groupId: Number(groupId),
        sessionId: isLeader ? Number(processId) : 0,
        hasTerminal: state.includes("+") || isLeader,
        // Weekday, month, day, time and year.
        startTime: rest.slice(0, 5).join(" "),
        environment: rest.slice(5),
      },
    ];
  });
  return { entries, hasGap: false };
}
