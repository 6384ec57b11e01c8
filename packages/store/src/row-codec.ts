import type { SessionEvent, SessionState } from "@clauderon/core/contract";

import { corruptStoreError } from "./corrupt-store-error.ts";
import type { events, sessions } from "./schema.ts";

/** A row of the database as the contract's type. What is not even an object of the right name is damage, not data. */
export function readState(
  row: Pick<typeof sessions.$inferSelect, "id" | "name" | "state">,
  path: string,
): SessionState {
  const state = parse(row.state, { path, place: `session ${row.name}` }) as Partial<SessionState>;
  if (state.id !== row.id || state.name !== row.name || typeof state.revision !== "number") {
    throw corruptStoreError(path, { why: `the record of session ${row.name} is of another session` });
  }
  return state as SessionState;
}

export function readEvent(row: typeof events.$inferSelect, path: string): SessionEvent {
  const { cursor, sessionId, sessionName, at } = row;
  const body = parse(row.body, { path, place: `event ${cursor}` }) as Partial<SessionEvent["body"]>;
  if (typeof body.type !== "string") {
    throw corruptStoreError(path, { why: `event ${cursor} has no type` });
  }
  return { cursor, sessionId, sessionName, at, body: body as SessionEvent["body"] };
}

function parse(text: string, source: { readonly path: string; readonly place: string }): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch (error) {
    throw corruptStoreError(source.path, { why: `the record of ${source.place} is not JSON`, cause: error });
  }
  throw corruptStoreError(source.path, { why: `the record of ${source.place} is not an object` });
}
