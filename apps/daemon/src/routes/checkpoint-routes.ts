import { checkpointRequestSchema, checkpointRestorationSchema, sessionCheckpointSchema } from "@clauderon/core/wire";
import { createRoute, z, type OpenAPIHono } from "@hono/zod-openapi";

import type { HttpContext } from "../http-context.ts";
import { answers, jsonBody, referenceParameter as params, textAnswers } from "./answers.ts";

const id = z.string().min(1).max(100);

/** States of sessions that can be gone back to. */
export function addCheckpointRoutes(app: OpenAPIHono, { engine }: HttpContext): void {
  app.openapi(
    createRoute({
      method: "get",
      path: "/api/checkpoints",
      operationId: "listAllCheckpoints",
      responses: answers("Of all sessions, newest first", z.array(sessionCheckpointSchema)),
    }),
    async (c) => c.json([...(await engine.checkpoints.list(undefined, { signal: c.req.raw.signal }))], 200),
  );

  app.openapi(
    createRoute({
      method: "delete",
      path: "/api/checkpoints",
      operationId: "removeCheckpoints",
      request: jsonBody(z.strictObject({ ids: z.array(id).min(1).max(1000) })),
      responses: answers("They are gone for good", z.object({ removed: z.int() })),
    }),
    async (c) => {
      const { ids } = c.req.valid("json");
      await engine.checkpoints.remove(ids);
      return c.json({ removed: ids.length }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/checkpoints/{id}/diff",
      operationId: "diffCheckpoint",
      description: "To another checkpoint, or, without `to`, to what the session's workspace is now.",
      request: {
        params: z.object({ id }),
        query: z.object({ to: id.optional(), format: z.enum(["patch", "stat", "names"]).optional() }),
      },
      responses: textAnswers("What differs"),
    }),
    async (c) => {
      const call = { from: c.req.valid("param").id, ...c.req.valid("query") };
      return c.text(await engine.checkpoints.diff(call, { signal: c.req.raw.signal }), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/checkpoints/{id}/screen",
      operationId: "readCheckpointScreen",
      request: { params: z.object({ id }) },
      responses: textAnswers("What the terminal showed when it was made"),
    }),
    async (c) => c.text(await engine.checkpoints.screen(c.req.valid("param").id, { signal: c.req.raw.signal }), 200),
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/sessions/{reference}/checkpoints",
      operationId: "listCheckpoints",
      request: { params },
      responses: answers("Of the session, newest first", z.array(sessionCheckpointSchema)),
    }),
    async (c) => {
      const { reference } = c.req.valid("param");
      return c.json([...(await engine.checkpoints.list(reference, { signal: c.req.raw.signal }))], 200);
    },
  );

  app.openapi(
    createRoute({
      method: "post",
      path: "/api/sessions/{reference}/checkpoints",
      operationId: "createCheckpoint",
      description: "The session may run: what is caught is a moment per file.",
      request: { params, ...jsonBody(checkpointRequestSchema, false) },
      responses: answers("The checkpoint", sessionCheckpointSchema),
    }),
    async (c) => {
      const { reference } = c.req.valid("param");
      const { signal } = c.req.raw;
      return c.json(await engine.checkpoints.create(reference, c.req.valid("json"), { signal }), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "post",
      path: "/api/sessions/{reference}/checkpoints/{id}/restore",
      operationId: "restoreCheckpoint",
      description:
        "Ends the agent. What the session is now becomes a checkpoint first, which `take-back` goes back to.",
      request: { params: params.extend({ id }), ...jsonBody(z.strictObject({}), false) },
      responses: answers("What was restored", checkpointRestorationSchema),
    }),
    async (c) => {
      const { reference, id: checkpointId } = c.req.valid("param");
      return c.json(await engine.checkpoints.restore(reference, checkpointId, { signal: c.req.raw.signal }), 200);
    },
  );
}
