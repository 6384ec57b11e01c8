import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { SessionEvent, SessionState, SessionStore } from "@clauderon/core/contract";
import { sampleSessionState } from "@clauderon/core/testing";

/** A directory of its own for one database. */
export class StoreHome implements Disposable {
  readonly directory: string = mkdtempSync(join(tmpdir(), "clauderon-store-"));
  readonly path: string = join(this.directory, "db.sqlite");

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** Stores a session with one event. */
export function saveSession(
  store: SessionStore,
  changes: Partial<SessionState>,
  expectedRevision = 0,
): Promise<readonly SessionEvent[]> {
  const state = sampleSessionState(changes);
  return store.append({
    sessionId: state.id,
    sessionName: state.name,
    at: "2026-01-02T03:04:05.000Z",
    events: [{ type: "session.adopted" }],
    state,
    expectedRevision,
  });
}
