import { mkdir } from "node:fs/promises";
import path from "node:path";

import { sampleSessionState } from "@clauderon/core/testing";
import { createSqliteStore } from "@clauderon/store";

/** A home with so many stored, stopped sessions. */
export async function fillHome(home: string, count: number): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  await using store = await createSqliteStore({ path: path.join(home, "db.sqlite") });
  for (let index = 0; index < count; index++) {
    const state = sampleSessionState({ name: `session-${index}`, lifecycle: "stopped" });
    await store.append({
      sessionId: state.id,
      sessionName: state.name,
      at: state.updatedAt,
      events: [],
      state,
      expectedRevision: 0,
    });
  }
}
