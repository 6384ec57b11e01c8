import { constants } from "node:os";
import { setTimeout as delay } from "node:timers/promises";

import { MarkedTree, processIdentity, type MarkedTreeOptions } from "./marked-tree.ts";
import { ignoresSignal, type ProcessEntry } from "./process-table.ts";

export interface EndMarkedOptions extends Omit<MarkedTreeOptions, "marker"> {
  /** Between SIGTERM and SIGKILL, in milliseconds. */
  readonly graceMs: number;
}

export interface EndedProcesses {
  readonly ended: number;
  /** Processes that could not be ended. */
  readonly left: readonly number[];
}

const killDeadlineMs = 10_000;
const shortestPauseMs = 5;
const longestPauseMs = 50;
/** Looks that find nothing, but may have missed something. */
const emptyLooks = 3;

/**
 * The living processes of a sandbox: those with its mark, and the groups, sessions (setsid) and descendants of those and of the leaders named. What
 * cleared its environment *and* left its session *and* its parent is not found.
 */
export async function markedProcesses(marker: string, leaders: readonly number[] = []): Promise<readonly number[]> {
  const { living } = await new MarkedTree({ marker, leaders }).look();
  return living.map(({ processId }) => processId);
}

/** Ends a sandbox's processes, also those that begin meanwhile: SIGTERM, and SIGKILL to whatever is there after the grace, until nothing is. Idempotent. */
export async function endMarkedProcesses(marker: string, options: EndMarkedOptions): Promise<EndedProcesses> {
  const { graceMs, ...rest } = options;
  const tree = new MarkedTree({ marker, ...rest });
  const asked = new Set<string>();
  const started = performance.now();
  let pauseMs = shortestPauseMs;
  for (let empty = 0; ;) {
    const { living, hasGap } = await tree.look();
    empty = living.length === 0 ? empty + 1 : 0;
    if (empty > 0 && (!hasGap || empty === emptyLooks)) return { ended: tree.seen, left: [] };
    const elapsedMs = performance.now() - started;
    if (elapsedMs > graceMs + killDeadlineMs) return { ended: tree.seen, left: living.map((entry) => entry.processId) };
    const isGraceOver = elapsedMs >= graceMs;
    for (const entry of living) {
      if (isGraceOver) send(entry, "SIGKILL");
      else if (!asked.has(processIdentity(entry))) askToEnd(entry);
      asked.add(processIdentity(entry));
    }
    if (empty > 0) continue;
    await delay(isGraceOver ? shortestPauseMs : Math.min(pauseMs, Math.max(1, graceMs - elapsedMs)));
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
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
  // One that is stopped would take the signal no earlier than it goes on.
  send(entry, "SIGCONT");
}

function send(entry: ProcessEntry, signal: NodeJS.Signals): void {
  try {
    process.kill(entry.processId, signal);
  } catch {
    // It has ended meanwhile; a process that may not be signalled is reported as left.
  }
}
