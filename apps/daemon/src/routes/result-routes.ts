import { mergeRequestSchema, sessionResultSchema } from "@clauderon/core/wire";
import { createRoute, z, type OpenAPIHono } from "@hono/zod-openapi";

import type { HttpContext } from "../http-context.ts";
import { answers, jsonBody, referenceParameter as params } from "./answers.ts";
import { namedSession } from "./named-session.ts";

/** A session's work brought to the user's branches and files. A request that is cut off before it has begun changes nothing. */
export function addResultRoutes(app: OpenAPIHono, { engine }: HttpContext): void {
  app.openapi(
    createRoute({
      method: "post",
      path: "/api/sessions/{reference}/merge",
      operationId: "mergeSession",
      description: "Conflicts, and files that would be overwritten, refuse it before anything changes.",
      request: { params, ...jsonBody(mergeRequestSchema, false) },
      responses: answers("What was merged", sessionResultSchema),
    }),
    async (c) => {
      const session = await namedSession(engine, c);
      return c.json(await session.merge(c.req.valid("json"), { signal: c.req.raw.signal }), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "post",
      path: "/api/sessions/{reference}/apply",
      operationId: "applySession",
      description: "Everything since the session's base, committed or not, as changes that are not staged.",
      request: { params, ...jsonBody(z.strictObject({}), false) },
      responses: answers("What was applied", sessionResultSchema),
    }),
    async (c) => {
      const session = await namedSession(engine, c);
      return c.json(await session.apply({ signal: c.req.raw.signal }), 200);
    },
  );
}
