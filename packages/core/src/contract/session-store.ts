import type { CallOptions } from "./call-options.ts";
import type { SeenEventBody, SessionEvent, SessionEventBody } from "./session-event.ts";
import type { SessionState } from "./session-state.ts";
import type { SessionId } from "./session.ts";

export interface AppendRequest {
  readonly sessionId: SessionId;
  readonly sessionName: string;
  /** ISO 8601, UTC; of every event of the batch. */
  readonly at: string;
  readonly events: readonly SessionEventBody[];
  /** The state after the events; `undefined` removes the row (its events stay readable until they expire). */
  readonly state: SessionState | undefined;
  /** Revision the row must have now; 0 = there must be none. */
  readonly expectedRevision: number;
}

/** Events that were seen and change no state, of any sessions. */
export interface RecordRequest {
  readonly events: readonly {
    readonly sessionId: SessionId;
    readonly sessionName: string;
    /** ISO 8601, UTC. */
    readonly at: string;
    readonly body: SeenEventBody;
  }[];
  /** Set together with the events: how far their source was read. */
  readonly fact?: { readonly key: string; readonly value: string } | undefined;
}

/**
 * Where sessions live. One writer process. `append` is one transaction and durable when it resolves: a receipt is on the disk or it is not one.
 */
export interface SessionStore extends AsyncDisposable {
  /**
   * Stores events and resulting state together. Rejects with `session.name-taken` when another row has the name, `session.wrong-state` when
   * the revision differs, `store.full`, `store.failed`; then nothing was stored.
   */
  append(request: AppendRequest, options?: CallOptions): Promise<readonly SessionEvent[]>;
  /** Stores events and fact together, also of sessions that are gone; rows stay as they are. Rejects with `store.full`, `store.failed`; then nothing was stored. */
  record(request: RecordRequest, options?: CallOptions): Promise<readonly SessionEvent[]>;
  get(id: SessionId, options?: CallOptions): Promise<SessionState | undefined>;
  getByName(name: string, options?: CallOptions): Promise<SessionState | undefined>;
  getByIdempotencyKey(key: string, options?: CallOptions): Promise<SessionState | undefined>;
  /** Newest first. */
  list(options?: CallOptions): Promise<readonly SessionState[]>;
  /** Events after the cursor, oldest first, at most `limit` (default 1,000). `isGap` when events after the cursor have expired. */
  events(
    after: number,
    options?: CallOptions & { readonly limit?: number | undefined },
  ): Promise<{ readonly events: readonly SessionEvent[]; readonly isGap: boolean }>;
  /** Cursor of the newest event, 0 when there is none. */
  lastCursor(options?: CallOptions): Promise<number>;
  /** Small facts of the installation: `instanceId`, `port`. */
  getFact(key: string, options?: CallOptions): Promise<string | undefined>;
  setFact(key: string, value: string, options?: CallOptions): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}
