import type { SessionState } from "@clauderon/core/contract";
import { createSqliteStore } from "@clauderon/store";

/** Rewrites the rows of a home whose daemon is down, as another history would have left them; `undefined` takes a row away. */
export async function editSessions(
  path: string,
  edit: (state: SessionState) => SessionState | undefined,
): Promise<void> {
  await using store = await createSqliteStore({ path });
  for (const state of await store.list()) {
    const edited = edit(state);
    await store.append({
      sessionId: state.id,
      sessionName: state.name,
      at: state.updatedAt,
      events: [],
      state: edited === undefined ? undefined : { ...edited, revision: state.revision },
      expectedRevision: state.revision,
    });
  }
}
