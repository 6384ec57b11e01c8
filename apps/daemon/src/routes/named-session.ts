import type { Engine } from "@clauderon/core";
import type { Session } from "@clauderon/core/contract";
import type { Context } from "hono";

/** The session that `{reference}` of the request's path names. */
export function namedSession(engine: Engine, { req }: Context): Promise<Session> {
  return engine.sessions.get(req.param("reference") ?? "", { signal: req.raw.signal });
}
