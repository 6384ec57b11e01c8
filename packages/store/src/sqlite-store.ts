import {
  InternalError,
  StoreError,
  type AppendRequest,
  type CallOptions,
  type RecordRequest,
  type SessionEvent,
  type SessionState,
  type SessionStore,
} from "@clauderon/core/contract";
import type { Database } from "better-sqlite3";
import { asc, desc, eq, gt, lte, max, min, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/better-sqlite3";

import { nameTakenError, revisionError } from "./append-errors.ts";
import { mapSqliteError } from "./map-sqlite-error.ts";
import { readEvent, readState } from "./row-codec.ts";
import { events, facts, sessions } from "./schema.ts";

/** Older events expire. */
const RETAINED_EVENTS = 20_000;

/** A `SessionStore` over one open database. */
export class SqliteStore implements SessionStore {
  readonly #database: Database;
  readonly #statements: ReturnType<typeof prepareStatements>;

  constructor(database: Database) {
    this.#database = database;
    this.#statements = prepareStatements(database);
  }

  async append(request: AppendRequest, options?: CallOptions): Promise<readonly SessionEvent[]> {
    return this.#run(options, () => this.#database.transaction(() => this.#append(request)).immediate());
  }

  #append(request: AppendRequest): readonly SessionEvent[] {
    const { sessionId, sessionName, at, state, expectedRevision } = request;
    if (state !== undefined && (state.id !== sessionId || state.name !== sessionName)) {
      throw new InternalError(new Error(`events of session ${sessionId} cannot make the state of ${state.id}`));
    }
    const row = this.#statements.byId.get({ id: sessionId });
    if ((row?.revision ?? 0) !== expectedRevision) throw revisionError(request, row?.revision ?? 0);
    if (state === undefined) {
      this.#statements.remove.run({ id: sessionId });
    } else {
      const holder = this.#statements.byName.get({ name: sessionName });
      if (holder !== undefined && holder.id !== sessionId) throw nameTakenError(sessionName);
      const { id, name, revision } = state;
      const values = { id, name, revision, key: state.idempotencyKey ?? null, state: JSON.stringify(state) };
      this.#statements.save.run(values);
    }
    const stored = request.events.map((body): SessionEvent => {
      const { cursor } = this.#statements.addEvent.get({ sessionId, sessionName, at, body: JSON.stringify(body) });
      return { cursor, sessionId, sessionName, at, body };
    });
    this.#expire(stored);
    return stored;
  }

  async record(request: RecordRequest, options?: CallOptions): Promise<readonly SessionEvent[]> {
    return this.#run(options, () => this.#database.transaction(() => this.#record(request)).immediate());
  }

  #record({ events: seen, fact }: RecordRequest): readonly SessionEvent[] {
    const stored = seen.map(({ sessionId, sessionName, at, body }): SessionEvent => {
      const { cursor } = this.#statements.addEvent.get({ sessionId, sessionName, at, body: JSON.stringify(body) });
      return { cursor, sessionId, sessionName, at, body };
    });
    if (fact !== undefined) this.#statements.setFact.run({ key: fact.key, value: fact.value });
    this.#expire(stored);
    return stored;
  }

  #expire(stored: readonly SessionEvent[]): void {
    const newest = stored.at(-1);
    if (newest !== undefined) this.#statements.expire.run({ cursor: newest.cursor - RETAINED_EVENTS });
  }

  async get(id: string, options?: CallOptions): Promise<SessionState | undefined> {
    return this.#run(options, () => this.#state(this.#statements.byId.get({ id })));
  }

  async getByName(name: string, options?: CallOptions): Promise<SessionState | undefined> {
    return this.#run(options, () => this.#state(this.#statements.byName.get({ name })));
  }

  async getByIdempotencyKey(key: string, options?: CallOptions): Promise<SessionState | undefined> {
    return this.#run(options, () => this.#state(this.#statements.byKey.get({ key })));
  }

  async list(options?: CallOptions): Promise<readonly SessionState[]> {
    return this.#run(options, () => this.#statements.all.all().map((row) => readState(row, this.#database.name)));
  }

  async events(
    after: number,
    options: CallOptions & { readonly limit?: number | undefined } = {},
  ): Promise<{ readonly events: readonly SessionEvent[]; readonly isGap: boolean }> {
    return this.#run(options, () => {
      const oldest = this.#statements.oldest.get()?.cursor ?? 0;
      const rows = this.#statements.eventsAfter.all({ after, limit: options.limit ?? 1_000 });
      return { events: rows.map((row) => readEvent(row, this.#database.name)), isGap: after < oldest - 1 };
    });
  }

  async lastCursor(options?: CallOptions): Promise<number> {
    return this.#run(options, () => this.#statements.newest.get()?.cursor ?? 0);
  }

  async getFact(key: string, options?: CallOptions): Promise<string | undefined> {
    return this.#run(options, () => this.#statements.fact.get({ key })?.value);
  }

  async setFact(key: string, value: string, options?: CallOptions): Promise<void> {
    this.#run(options, () => this.#statements.setFact.run({ key, value }));
  }

  async close(): Promise<void> {
    if (this.#database.open) this.#database.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #state(row: typeof sessions.$inferSelect | undefined): SessionState | undefined {
    return row === undefined ? undefined : readState(row, this.#database.name);
  }

  #run<Result>(options: CallOptions | undefined, work: () => Result): Result {
    options?.signal?.throwIfAborted();
    if (!this.#database.open) {
      throw new StoreError({
        message: "The session store was closed",
        fix: ["repeat the command: it starts the daemon again"],
        context: { path: this.#database.name },
      });
    }
    try {
      return work();
    } catch (error) {
      throw mapSqliteError(error, this.#database.name);
    }
  }
}

function prepareStatements(database: Database) {
  const db = drizzle(database);
  const value = (name: string) => sql.placeholder(name);
  const columns = {
    name: value("name"),
    idempotencyKey: value("key"),
    revision: value("revision"),
    state: value("state"),
  };
  const excluded = {
    name: sql`excluded.name`,
    idempotencyKey: sql`excluded.idempotency_key`,
    revision: sql`excluded.revision`,
    state: sql`excluded.state`,
  };
  const body = {
    sessionId: value("sessionId"),
    sessionName: value("sessionName"),
    at: value("at"),
    body: value("body"),
  };
  return {
    byId: db
      .select()
      .from(sessions)
      .where(eq(sessions.id, value("id")))
      .prepare(),
    byName: db
      .select()
      .from(sessions)
      .where(eq(sessions.name, value("name")))
      .prepare(),
    byKey: db
      .select()
      .from(sessions)
      .where(eq(sessions.idempotencyKey, value("key")))
      .orderBy(asc(sessions.position))
      .limit(1)
      .prepare(),
    all: db.select().from(sessions).orderBy(desc(sessions.position)).prepare(),
    save: db
      .insert(sessions)
      .values({ id: value("id"), ...columns })
      .onConflictDoUpdate({ target: sessions.id, set: excluded })
      .prepare(),
    remove: db
      .delete(sessions)
      .where(eq(sessions.id, value("id")))
      .prepare(),
    addEvent: db.insert(events).values(body).returning({ cursor: events.cursor }).prepare(),
    expire: db
      .delete(events)
      .where(lte(events.cursor, value("cursor")))
      .prepare(),
    eventsAfter: db
      .select()
      .from(events)
      .where(gt(events.cursor, value("after")))
      .orderBy(asc(events.cursor))
      .limit(value("limit"))
      .prepare(),
    oldest: db
      .select({ cursor: min(events.cursor) })
      .from(events)
      .prepare(),
    newest: db
      .select({ cursor: max(events.cursor) })
      .from(events)
      .prepare(),
    fact: db
      .select()
      .from(facts)
      .where(eq(facts.key, value("key")))
      .prepare(),
    setFact: db
      .insert(facts)
      .values({ key: value("key"), value: value("value") })
      .onConflictDoUpdate({ target: facts.key, set: { value: sql`excluded.value` } })
      .prepare(),
  };
}
