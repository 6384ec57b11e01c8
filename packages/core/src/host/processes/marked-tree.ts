import { keeperVariable, markerVariable } from "./process-marks.ts";
import { processTable, type ProcessEntry, type ProcessTable } from "./process-table.ts";

export interface MarkedTreeOptions {
  /** `<instanceId>/<sandboxId>`: every process with this mark belongs to the tree. */
  readonly marker: string;
  /** Processes that were started for the sandbox; they, their groups, sessions and descendants belong to the tree. */
  readonly leaders?: readonly number[] | undefined;
  /** More that belong to it, asked at every look: the members of a cgroup. */
  readonly members?: (() => readonly number[]) | undefined;
  /** Not to be ended, and what it started not because of it. */
  readonly isSpared?: ((processId: number) => boolean) | undefined;
}

/** What is known of a sandbox's processes while they end: one once seen stays in, also when its parent is gone. Keepers and this process never are. */
export class MarkedTree {
  readonly #options: MarkedTreeOptions;
  readonly #known = new Set<string>();

  constructor(options: MarkedTreeOptions) {
    this.#options = options;
  }

  /** How many were ever seen. */
  get seen(): number {
    return this.#known.size;
  }

  async look(): Promise<{ readonly living: readonly ProcessEntry[]; readonly hasGap: boolean }> {
    const table = await processTable();
    const kept = this.#kept(table);
    const inside = this.#inside(table, kept);
    const living = table.entries.filter((entry) => inside.has(entry.processId));
    for (const entry of living) this.#known.add(processIdentity(entry));
    return { living, hasGap: table.hasGap };
  }

  #kept({ entries }: ProcessTable): ReadonlySet<number> {
    const keepers = entries.filter(({ environment }) => environment.includes(`${keeperVariable}=1`));
    return new Set([process.pid, 1, ...keepers.map(({ processId }) => processId)]);
  }

  #inside({ entries }: ProcessTable, kept: ReadonlySet<number>): ReadonlySet<number> {
    const { marker, leaders = [], members, isSpared } = this.#options;
    const started = new Set(leaders);
    const given = new Set(members?.());
    const mark = `${markerVariable}=${marker}`;
    const isMarked = new Set(
      entries.filter((entry) => entry.environment.includes(mark)).map((entry) => entry.processId),
    );
    const sessions = markedSessions(entries, isMarked);
    const belongs = (entry: ProcessEntry): boolean =>
      isMarked.has(entry.processId) ||
      given.has(entry.processId) ||
      started.has(entry.processId) ||
      started.has(entry.groupId) ||
      started.has(entry.sessionId) ||
      sessions.has(entry.sessionId) ||
      this.#known.has(processIdentity(entry));
    const mayEnd = (entry: ProcessEntry): boolean => !kept.has(entry.processId) && isSpared?.(entry.processId) !== true;
    const inside = new Set(entries.filter((entry) => belongs(entry) && mayEnd(entry)).map((entry) => entry.processId));
    for (let size = -1; size !== inside.size;) {
      size = inside.size;
      for (const entry of entries) if (inside.has(entry.parentId) && mayEnd(entry)) inside.add(entry.processId);
    }
    return inside;
  }
}

/** With its start time, an id names one process for ever. */
export function processIdentity(entry: ProcessEntry): string {
  return `${entry.processId}:${entry.startTime}`;
}

/** Sessions (setsid) that a marked process began, or whose beginner has ended. One that somebody else began, such as a user's terminal, is not ours. */
function markedSessions(entries: readonly ProcessEntry[], isMarked: ReadonlySet<number>): ReadonlySet<number> {
  const own = entries.find(({ processId }) => processId === process.pid)?.sessionId;
  const isAlive = new Set(entries.map(({ processId }) => processId));
  const sessions = entries
    .filter(({ processId }) => isMarked.has(processId))
    .map(({ sessionId }) => sessionId)
    .filter((session) => session !== 0 && session !== own && (isMarked.has(session) || !isAlive.has(session)));
  return new Set(sessions);
}
