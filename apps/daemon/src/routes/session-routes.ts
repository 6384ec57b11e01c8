import {
  createSessionRequestSchema,
  creationSchema,
  deletedSessionSchema,
  deleteSessionRequestSchema,
  sessionDetailSchema,
  sessionSummarySchema,
  startSessionRequestSchema,
  stopSessionRequestSchema,
  unarchiveSessionRequestSchema,
} from "@clauderon/core/wire";
import { createRoute, z, type OpenAPIHono } from "@hono/zod-openapi";

import type { HttpContext } from "../http-context.ts";
import { answers, flag, jsonBody, referenceParameter as params } from "./answers.ts";
import { namedSession } from "./named-session.ts";

/** Sessions: create, list, get, delete, start, stop, archive, unarchive, wake. */
export function addSessionRoutes(app: OpenAPIHono, context: HttpContext): void {
  const { engine, creations } = context;

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/sessions",
      operationId: "listSessions",
      responses: answers("Newest first", z.array(sessionSummarySchema)),
    }),
    async (c) => c.json([...(await engine.sessions.list({ signal: c.req.raw.signal }))], 200),
  );

  app.openapi(
    createRoute({
      method: "post",
      path: "/api/sessions",
      operationId: "createSession",
      description: "With `wait=false` it answers once the session is recorded, else when the agent runs.",
      request: { query: z.object({ wait: flag }), ...jsonBody(createSessionRequestSchema) },
      responses: answers("The session", sessionDetailSchema),
    }),
    async (c) => {
      const request = c.req.valid("json");
      const { wait } = c.req.valid("query");
      const session = await creations.run(request.idempotencyKey, (signal, onProgress) =>
        engine.sessions.create(request, { signal, wait, onProgress }),
      );
      return c.json(await session.detail(), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/creations/{key}",
      operationId: "getCreation",
      description: "How far the creation with that idempotency key is, while something of it takes long.",
      request: { params: z.object({ key: z.string().min(1).max(128) }) },
      responses: answers("What is known; nothing of a creation that nobody knows", creationSchema),
    }),
    (c) => {
      const progress = creations.progress(c.req.valid("param").key);
      return c.json(progress === undefined ? {} : { progress }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: "delete",
      path: "/api/creations/{key}",
      operationId: "cancelCreation",
      description: "Takes back the creation with that idempotency key; answers when nothing of it is left.",
      request: { params: z.object({ key: z.string().min(1).max(128) }) },
      responses: answers("Nothing of it is left", z.object({ cancelled: z.literal(true) })),
    }),
    async (c) => {
      await creations.cancel(c.req.valid("param").key);
      return c.json({ cancelled: true as const }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/sessions/{reference}",
      operationId: "getSession",
      request: { params, query: z.object({ workspace: flag }) },
      responses: answers("The session; `workspace=true` also counts what its workspace holds", sessionDetailSchema),
    }),
    async (c) => {
      const { signal } = c.req.raw;
      const session = await namedSession(engine, c);
      return c.json(await session.detail({ signal, withWorkspace: c.req.valid("query").workspace }), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/sessions/{reference}/ready",
      operationId: "awaitSession",
      request: { params },
      responses: answers("The session, once it is no longer being created", sessionDetailSchema),
    }),
    async (c) => {
      const { signal } = c.req.raw;
      const session = await namedSession(engine, c);
      await session.ready({ signal });
      return c.json(await session.detail({ signal }), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "delete",
      path: "/api/sessions/{reference}",
      operationId: "deleteSession",
      request: { params, ...jsonBody(deleteSessionRequestSchema, false) },
      responses: answers("What was kept, and why", deletedSessionSchema),
    }),
    async (c) => {
      const session = await namedSession(engine, c);
      return c.json(await session.delete(c.req.valid("json")), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "post",
      path: "/api/sessions/{reference}/start",
      operationId: "startSession",
      request: { params, ...jsonBody(startSessionRequestSchema, false) },
      responses: answers("The session, running", sessionDetailSchema),
    }),
    async (c) => {
      const session = await namedSession(engine, c);
      return c.json(await session.start(c.req.valid("json")), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "post",
      path: "/api/sessions/{reference}/stop",
      operationId: "stopSession",
      request: { params, ...jsonBody(stopSessionRequestSchema, false) },
      responses: answers("The session, stopped", sessionDetailSchema),
    }),
    async (c) => {
      const session = await namedSession(engine, c);
      return c.json(await session.stop(c.req.valid("json")), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "post",
      path: "/api/sessions/{reference}/archive",
      operationId: "archiveSession",
      description: "Ends the agent and frees sandbox and working tree; everything is kept until `unarchive`.",
      request: { params },
      responses: answers("The session, archived", sessionDetailSchema),
    }),
    async (c) => {
      const session = await namedSession(engine, c);
      return c.json(await session.archive(), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "post",
      path: "/api/sessions/{reference}/unarchive",
      operationId: "unarchiveSession",
      request: { params, ...jsonBody(unarchiveSessionRequestSchema, false) },
      responses: answers("The session, stopped, with its working tree", sessionDetailSchema),
    }),
    async (c) => {
      const session = await namedSession(engine, c);
      return c.json(await session.unarchive(c.req.valid("json")), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "post",
      path: "/api/sessions/{reference}/wake",
      operationId: "wakeSession",
      request: { params },
      responses: answers("The session, awake", sessionDetailSchema),
    }),
    async (c) => {
      const { signal } = c.req.raw;
      const session = await namedSession(engine, c);
      const sandbox = await engine.openSandbox(session.id, { signal });
      await sandbox.wake();
      return c.json(await session.detail(), 200);
    },
  );
}
