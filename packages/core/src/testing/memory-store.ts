import {
  SessionError,
  StoreError,
  type AppendRequest,
  type CallOptions,
  type RecordRequest,
  type SessionEvent,
  type SessionState,
  type SessionStore,
} from "../contract/index.ts";

const RETAINED_EVENTS = 20_000;

/** A `SessionStore` that forgets everything with its process. What goes in and out is copied, as a database would. */
export function createMemoryStore(): SessionStore {
  return new MemoryStore();
}

class MemoryStore implements SessionStore {
  readonly #rows = new Map<string, SessionState>();
  readonly #facts = new Map<string, string>();
  #events: SessionEvent[] = [];
  #cursor = 0;
  #isClosed = false;

  async append(request: AppendRequest, options?: CallOptions): Promise<readonly SessionEvent[]> {
    this.#check(options);
    const { sessionId, sessionName, at, state } = request;
    const revision = this.#rows.get(sessionId)?.revision ?? 0;
    if (revision !== request.expectedRevision) {
      throw new SessionError({ message: `Session ${sessionName} changed meanwhile`, fix: ["repeat the command"] });
    }
    const holder = [...this.#rows.values()].find((row) => row.name === sessionName && row.id !== sessionId);
    if (state !== undefined && holder !== undefined) {
      throw new SessionError({
        code: "session.name-taken",
        message: `A session named ${sessionName} exists`,
        fix: ["choose another name: --name NAME"],
        context: { name: sessionName },
      });
    }
    const stored = request.events.map((body): SessionEvent => {
      this.#cursor += 1;
      return { cursor: this.#cursor, sessionId, sessionName, at, body: copy(body) };
    });
    if (state === undefined) this.#rows.delete(sessionId);
    else this.#rows.set(sessionId, copy(state));
    this.#events = [...this.#events, ...stored].slice(-RETAINED_EVENTS);
    return copy(stored);
  }

  async record({ events, fact }: RecordRequest, options?: CallOptions): Promise<readonly SessionEvent[]> {
    this.#check(options);
    const stored = events.map((event): SessionEvent => {
      this.#cursor += 1;
      return { cursor: this.#cursor, ...copy(event) };
    });
    if (fact !== undefined) this.#facts.set(fact.key, fact.value);
    this.#events = [...this.#events, ...stored].slice(-RETAINED_EVENTS);
    return copy(stored);
  }

  async get(id: string, options?: CallOptions): Promise<SessionState | undefined> {
    this.#check(options);
    return this.#find((state) => state.id === id);
  }

  async getByName(name: string, options?: CallOptions): Promise<SessionState | undefined> {
    this.#check(options);
    return this.#find((state) => state.name === name);
  }

  async getByIdempotencyKey(key: string, options?: CallOptions): Promise<SessionState | undefined> {
    this.#check(options);
    return this.#find((state) => state.idempotencyKey === key);
  }

  async list(options?: CallOptions): Promise<readonly SessionState[]> {
    this.#check(options);
    return copy([...this.#rows.values()].toReversed());
  }

  async events(
    after: number,
    options: CallOptions & { readonly limit?: number | undefined } = {},
  ): Promise<{ readonly events: readonly SessionEvent[]; readonly isGap: boolean }> {
    this.#check(options);
    const oldest = this.#events[0]?.cursor ?? 0;
    const wanted = this.#events.filter((event) => event.cursor > after).slice(0, options.limit ?? 1_000);
    return { events: copy(wanted), isGap: after < oldest - 1 };
  }

  async lastCursor(options?: CallOptions): Promise<number> {
    this.#check(options);
    return this.#cursor;
  }

  async getFact(key: string, options?: CallOptions): Promise<string | undefined> {
    this.#check(options);
    return this.#facts.get(key);
  }

  async setFact(key: string, value: string, options?: CallOptions): Promise<void> {
    this.#check(options);
    this.#facts.set(key, value);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #find(matches: (state: SessionState) => boolean): SessionState | undefined {
    const state = [...this.#rows.values()].find(matches);
    return state === undefined ? undefined : copy(state);
  }

  #check(options: CallOptions | undefined): void {
    options?.signal?.throwIfAborted();
    if (this.#isClosed) throw new StoreError({ message: "The session store was closed", fix: ["make another"] });
  }
}

function copy<Value>(value: Value): Value {
  return structuredClone(value);
}
