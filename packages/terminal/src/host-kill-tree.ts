import { constants } from "node:os";
import { setTimeout as delay } from "node:timers/promises";

import { cgroupMembers, removeCgroup } from "./host-cgroup.ts";
import { ignoresSignal, initialEnvironment, processTable, type ProcessEntry } from "./host-process-table.ts";
import { keeperMark, sandboxMark } from "./session-marks.ts";

export interface KillTreeRequest {
  /** `<instanceId>/<sandboxId>`: every process with this mark belongs to the tree. */
  readonly mark: string;
  /** Processes that were started for the sandbox; they, their groups and descendants belong to the tree. */
  readonly roots: readonly number[];
  /** The sandbox's own cgroup; every member belongs to the tree. */
  readonly cgroup?: string | undefined;
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs: number;
}

export interface KillTreeResult {
  readonly ended: number;
  /** Processes that could not be ended. */
  readonly left: readonly number[];
}

const killDeadlineMs = 10_000;

/** Ends a sandbox's processes: SIGTERM, and SIGKILL to whatever is there after the grace time, until nothing is. */
export async function killTree(request: KillTreeRequest): Promise<KillTreeResult> {
  const tree = new Tree(request);
  const started = performance.now();
  let pauseMs = 5;
  for (;;) {
    const living = tree.living();
    if (living.length === 0) break;
    const elapsedMs = performance.now() - started;
    if (elapsedMs > request.graceMs + killDeadlineMs)
      return { ended: tree.seen, left: living.map((entry) => entry.processId) };
    const isGraceOver = elapsedMs >= request.graceMs;
    for (const entry of living) {
      if (isGraceOver) send(entry, "SIGKILL");
      else if (tree.isFresh(entry)) askToEnd(entry);
    }
    await delay(isGraceOver ? 5 : Math.min(pauseMs, Math.max(1, request.graceMs - elapsedMs)));
    pauseMs = Math.min(pauseMs * 2, 50);
  }
  if (request.cgroup !== undefined) removeCgroup(request.cgroup);
  return { ended: tree.seen, left: [] };
}

/** What is known of a tree while it dies: a process once seen in it stays in it, also when its parent is gone. */
class Tree {
  readonly #request: KillTreeRequest;
  readonly #known = new Set<string>();
  readonly #asked = new Set<string>();

  constructor(request: KillTreeRequest) {
    this.#request = request;
  }

  get seen(): number {
    return this.#known.size;
  }

  living(): readonly ProcessEntry[] {
    const table = processTable();
    const members = new Set(this.#request.cgroup === undefined ? [] : cgroupMembers(this.#request.cgroup));
    const roots = new Set(this.#request.roots);
    const ownMark = `${sandboxMark}=${this.#request.mark}`;
    const isKeeper = new Set<number>([process.pid, 1]);
    const inside = new Set<number>();
    for (const entry of table) {
      const environment = initialEnvironment(entry.processId);
      if (environment.includes(`${keeperMark}=1`)) isKeeper.add(entry.processId);
      const belongs =
        members.has(entry.processId) ||
        roots.has(entry.processId) ||
        roots.has(entry.groupId) ||
        this.#known.has(identity(entry)) ||
        environment.includes(ownMark);
      if (belongs) inside.add(entry.processId);
    }
    let size = -1;
    while (size !== inside.size) {
      size = inside.size;
      for (const entry of table) {
        if (inside.has(entry.parentId) && !isKeeper.has(entry.parentId)) inside.add(entry.processId);
      }
    }
    const living = table.filter((entry) => inside.has(entry.processId) && !isKeeper.has(entry.processId));
    for (const entry of living) this.#known.add(identity(entry));
    return living;
  }

  /** True the first time. */
  isFresh(entry: ProcessEntry): boolean {
    const key = identity(entry);
    if (this.#asked.has(key)) return false;
    this.#asked.add(key);
    return true;
  }
}

function askToEnd(entry: ProcessEntry): void {
  send(entry, "SIGTERM");
  // An interactive shell ignores SIGTERM; the end of its terminal is what it understands.
  const isShell =
    entry.hasTerminal &&
    entry.sessionId === entry.processId &&
    ignoresSignal(entry.processId, constants.signals.SIGTERM);
  if (isShell) send(entry, "SIGHUP");
  send(entry, "SIGCONT");
}

function send(entry: ProcessEntry, signal: NodeJS.Signals): void {
  try {
    process.kill(entry.processId, signal);
  } catch {
    // It has ended meanwhile; a process that may not be signalled is reported as left.
  }
}

function identity(entry: ProcessEntry): string {
  return `${entry.processId}:${entry.startTime}`;
}
