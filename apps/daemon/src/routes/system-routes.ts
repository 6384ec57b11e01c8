import {
  backendOverviewSchema,
  daemonStatusSchema,
  healthSchema,
  reconcileReportSchema,
  sessionEventSchema,
} from "@clauderon/core/wire";
import { createRoute, z, type OpenAPIHono } from "@hono/zod-openapi";

import type { HttpContext } from "../http-context.ts";
import { answers, flag, natural } from "./answers.ts";
import { eventStream } from "./event-stream.ts";

/** The daemon itself: health, status, backends, reconcile, events, crash points, and the description of all this. */
export function addSystemRoutes(app: OpenAPIHono, context: HttpContext): void {
  const { engine } = context;
  const version = (): string => context.daemonFile().version;

  app.openapi(
    createRoute({
      method: "get",
      path: "/healthz",
      operationId: "health",
      security: [],
      responses: answers("It answers; the only route without a token", healthSchema),
    }),
    (c) => c.json({ status: "ok" as const, product: "clauderon" as const, version: version(), pid: process.pid }, 200),
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/daemon",
      operationId: "daemonStatus",
      responses: answers("This daemon", daemonStatusSchema),
    }),
    async (c) => c.json({ ...context.daemonFile(), sessions: await engine.sessionCount() }, 200),
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/daemon/crash-points",
      operationId: "crashPoints",
      responses: answers("Names that CLAUDERON_CRASH_AT takes", z.array(z.string())),
    }),
    (c) => c.json([...engine.crashPointNames], 200),
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/backends",
      operationId: "listBackends",
      responses: answers("Every backend with its report, and which one is chosen", backendOverviewSchema),
    }),
    async (c) => c.json(await engine.backends({ signal: c.req.raw.signal }), 200),
  );

  app.openapi(
    createRoute({
      method: "post",
      path: "/api/reconcile",
      operationId: "reconcile",
      request: { query: z.object({ dryRun: flag }) },
      responses: answers("What was not as recorded, and what was done", reconcileReportSchema),
    }),
    async (c) => c.json(await engine.reconcile({ isDryRun: c.req.valid("query").dryRun }), 200),
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/events",
      operationId: "events",
      description:
        "Events after the cursor `since` (or the header Last-Event-ID; default: from now on), then live ones unless `follow=false`. An upgrade to a WebSocket carries the same as text messages.",
      request: { query: z.object({ since: natural, follow: flag }) },
      responses: {
        ...answers("", sessionEventSchema),
        200: {
          description: "Server-sent events: `id` is the cursor, `data` a SessionEvent",
          content: { "text/event-stream": { schema: sessionEventSchema } },
        },
      },
    }),
    async (c) => {
      const { since, follow } = c.req.valid("query");
      const lastId = c.req.header("last-event-id");
      const cursor = since ?? (lastId !== undefined && /^\d{1,15}$/.test(lastId) ? Number(lastId) : undefined);
      return eventStream(context, { since: cursor, follow, gone: c.req.raw.signal });
    },
  );

  app.get("/openapi.json", (c) =>
    c.json(
      app.getOpenAPI31Document({
        openapi: "3.1.0",
        info: { title: "clauderon", version: version(), license: { name: "MIT" } },
        servers: [{ url: context.daemonFile().url }],
        security: [{ token: [] }],
      }),
    ),
  );
  app.openAPIRegistry.registerComponent("securitySchemes", "token", { type: "http", scheme: "bearer" });
}
