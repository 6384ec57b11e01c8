import type { Clock } from "../contract/clock.ts";
import { SessionError } from "../contract/errors/session-error.ts";
import type { SessionEvent } from "../contract/session-event.ts";
import type { SessionState } from "../contract/session-state.ts";
import type { RecordRequest, SessionStore } from "../contract/session-store.ts";
import type { CrashPoints } from "./engine.ts";
import { decide, type SessionCommand } from "./session-decider.ts";
import { project } from "./session-projector.ts";

type Listener = (events: readonly SessionEvent[]) => void;

/**
 * The one way to change a session: command → events → store → state → listeners. Holds every state in memory; the store is written first, so memory
 * never shows what a crash could take back.
 */
export class EventLog {
  readonly #states = new Map<string, SessionState>();
  readonly #ids = new Map<string, string>();
  readonly #listeners = new Set<Listener>();
  readonly #store: SessionStore;
  readonly #clock: Clock;
  readonly #crashPoints: CrashPoints;
  #loading: Promise<void> | undefined;
  #cursor = 0;

  constructor(options: { readonly store: SessionStore; readonly clock: Clock; readonly crashPoints: CrashPoints }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#crashPoints = options.crashPoints;
  }

  /** Reads the stored sessions once; every method that reads waits for it. */
  load(): Promise<void> {
    this.#loading ??= this.#readAll();
    return this.#loading;
  }

  async #readAll(): Promise<void> {
    for (const state of await this.#store.list()) this.#remember(state);
    this.#cursor = await this.#store.lastCursor();
  }

  /** Newest first. */
  list(): readonly SessionState[] {
    return [...this.#states.values()].toSorted(
      (left, right) => right.createdAt.localeCompare(left.createdAt) || right.name.localeCompare(left.name),
    );
  }

  get(id: string): SessionState | undefined {
    return this.#states.get(id);
  }

  has(name: string): boolean {
    return this.#ids.has(name);
  }

  get size(): number {
    return this.#states.size;
  }

  /** By id or name. */
  find(reference: string): SessionState | undefined {
    return this.#states.get(reference) ?? this.#states.get(this.#ids.get(reference) ?? "");
  }

  findByIdempotencyKey(key: string): SessionState | undefined {
    return this.#states.values().find((state) => state.idempotencyKey === key);
  }

  /** Like `find`; throws `session.not-found`. */
  require(reference: string): SessionState {
    const state = this.find(reference);
    if (state !== undefined) return state;
    throw new SessionError({
      code: "session.not-found",
      message: `There is no session called ${JSON.stringify(reference)}`,
      fix: ["see which there are: clauderon list"],
      context: { session: reference },
    });
  }

  get cursor(): number {
    return this.#cursor;
  }

  /**
   * Decides, stores and projects. `point` names the crash points around the write. Resolves with the state after it, `undefined` when the session is gone. The
   * caller holds the session's lock.
   */
  async commit(id: string, command: SessionCommand, point: string): Promise<SessionState | undefined> {
    const before = this.#states.get(id);
    const bodies = decide(before, command);
    if (bodies.length === 0) return before;
    const at = this.#clock.now().toISOString();
    const after = bodies.reduce<SessionState | undefined>((state, body) => project(state, body, at), before);
    this.#crashPoints.reach(`${point}.before-write`);
    const name = (after ?? before)?.name ?? "";
    const stored = await this.#store.append({
      sessionId: id,
      sessionName: name,
      at,
      events: bodies,
      state: after,
      expectedRevision: before?.revision ?? 0,
    });
    if (after === undefined) this.#forget(id);
    else this.#remember(after);
    this.#crashPoints.reach(`${point}.after-write`);
    this.#cursor = stored.at(-1)?.cursor ?? this.#cursor;
    for (const listener of this.#listeners) listener(stored);
    return after;
  }

  /** Stores what was seen of sessions and tells the listeners; no state changes, so no lock is needed. */
  async record(request: RecordRequest): Promise<void> {
    const stored = await this.#store.record(request);
    this.#cursor = stored.at(-1)?.cursor ?? this.#cursor;
    for (const listener of this.#listeners) listener(stored);
  }

  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #remember(state: SessionState): void {
    this.#states.set(state.id, state);
    this.#ids.set(state.name, state.id);
  }

  #forget(id: string): void {
    const state = this.#states.get(id);
    this.#states.delete(id);
    if (state !== undefined && this.#ids.get(state.name) === id) this.#ids.delete(state.name);
  }
}
