import { ClauderonError, UsageError, type Session, type SessionSummary } from "@clauderon/core/contract";

import type { CommandContext } from "../command/command-context.ts";
import { formatProblem } from "../output/problem.ts";
import { resolveSession } from "./resolve-session.ts";

interface Selection {
  readonly names: readonly string[];
  readonly isAll: boolean;
  /** Which ones `--all` means. */
  readonly matches: (session: SessionSummary) => boolean;
}

/** The sessions that are named, the current one, or all that match. */
export async function selectSessions(selection: Selection, context: CommandContext): Promise<readonly Session[]> {
  if (selection.isAll) {
    if (selection.names.length > 0) {
      throw new UsageError({
        message: "--all and names exclude each other",
        fix: ["leave the names out", "leave --all out"],
      });
    }
    const client = await context.client();
    const all = await client.sessions.list({ signal: context.signal });
    return Promise.all(
      all.filter(selection.matches).map((each) => client.sessions.get(each.id, { signal: context.signal })),
    );
  }
  const names = [...new Set(selection.names)];
  if (names.length === 0) return [await resolveSession(undefined, context)];
  return Promise.all(names.map((name) => resolveSession(name, context)));
}

/**
 * Runs the work for one session after the other. With several, an error is told and the others go on; the first one is thrown in the end.
 */
export async function forEachSession(
  sessions: readonly Session[],
  context: CommandContext,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  let first: unknown;
  for (const session of sessions) {
    context.signal.throwIfAborted();
    try {
      await work(session);
    } catch (error) {
      if (sessions.length === 1 || !ClauderonError.isInstance(error) || error.code === "operation.aborted") throw error;
      if (first === undefined) first = error;
      else context.output.tell(formatProblem(error, context.output.style.stderr, context.flags.isDebug));
    }
  }
  if (first !== undefined) throw first;
}
