import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** One row per session; `state` is the whole truth, the other columns are what is looked up and ordered by. */
export const sessions = sqliteTable(
  "sessions",
  {
    /** Grows with each new session: newest first does not depend on a clock that may jump. */
    position: integer("position").primaryKey(),
    id: text("id").notNull().unique(),
    name: text("name").notNull().unique(),
    idempotencyKey: text("idempotency_key"),
    revision: integer("revision").notNull(),
    /** JSON of a `SessionState`. */
    state: text("state").notNull(),
  },
  (table) => [index("sessions_idempotency_key").on(table.idempotencyKey)],
);

/** The newest events of all sessions, also of those that are gone. */
export const events = sqliteTable("events", {
  cursor: integer("cursor").primaryKey({ autoIncrement: true }),
  sessionId: text("session_id").notNull(),
  sessionName: text("session_name").notNull(),
  /** ISO 8601, UTC. */
  at: text("at").notNull(),
  /** JSON of a `SessionEventBody`. */
  body: text("body").notNull(),
});

export const facts = sqliteTable("facts", {
  key: text("key").primaryKey(),
  value: text("value").notNull(),
});
