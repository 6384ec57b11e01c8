import { sessionDetailSchema, takenBackSchema, undoRecordSchema, undoRequestSchema } from "@clauderon/core/wire";
import { createRoute, z, type OpenAPIHono } from "@hono/zod-openapi";

import type { HttpContext } from "../http-context.ts";
import { answers, jsonBody } from "./answers.ts";

/** Deleted sessions: list them, bring them back, give them up. */
export function addUndoRoutes(app: OpenAPIHono, { engine }: HttpContext): void {
  app.openapi(
    createRoute({
      method: "get",
      path: "/api/undo",
      operationId: "listUndo",
      responses: answers(
        "What can be undone, newest first: deleted sessions, merges, applications of changes",
        z.array(undoRecordSchema),
      ),
    }),
    async (c) => c.json([...(await engine.undo.list({ signal: c.req.raw.signal }))], 200),
  );

  app.openapi(
    createRoute({
      method: "post",
      path: "/api/undo",
      operationId: "undo",
      description: "Without `reference` it is the session deleted last. It comes back stopped, with an id of its own.",
      request: jsonBody(undoRequestSchema, false),
      responses: answers("The session", sessionDetailSchema),
    }),
    async (c) => {
      const session = await engine.undo.restore(c.req.valid("json"));
      return c.json(await session.detail(), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "post",
      path: "/api/undo/{id}/take-back",
      operationId: "takeBack",
      description: "Takes a merge or an application of changes back. Nothing that was changed since is overwritten.",
      request: { params: z.object({ id: z.string().min(1).max(256) }) },
      responses: answers("What was taken back", takenBackSchema),
    }),
    async (c) => c.json(await engine.undo.takeBack(c.req.valid("param").id), 200),
  );

  app.openapi(
    createRoute({
      method: "delete",
      path: "/api/undo/{id}",
      operationId: "dropUndo",
      request: { params: z.object({ id: z.string().min(1).max(256) }) },
      responses: answers("It is gone for good", z.object({ dropped: z.literal(true) })),
    }),
    async (c) => {
      await engine.undo.drop(c.req.valid("param").id);
      return c.json({ dropped: true as const }, 200);
    },
  );
}
