import { UsageError } from "@clauderon/core/contract";
import { describeIssue } from "@clauderon/core/wire";
import { OpenAPIHono } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";

import type { HttpContext } from "./http-context.ts";
import { noRoute, problemResponse } from "./problem-response.ts";
import { addAccessRoutes } from "./routes/access-routes.ts";
import { addCheckpointRoutes } from "./routes/checkpoint-routes.ts";
import { addResultRoutes } from "./routes/result-routes.ts";
import { addSessionContentRoutes } from "./routes/session-content-routes.ts";
import { addSessionRoutes } from "./routes/session-routes.ts";
import { addSystemRoutes } from "./routes/system-routes.ts";
import { addUndoRoutes } from "./routes/undo-routes.ts";
import { securityHeaders } from "./security/security-headers.ts";

/** The HTTP interface. Admission is decided before: see `serve.ts`. */
export function createApp(context: HttpContext): OpenAPIHono {
  const app = new OpenAPIHono({
    defaultHook(result) {
      if (result.success) return;
      const issues = result.error.issues;
      throw new UsageError({
        message: "The request is not as it must be",
        why: issues.slice(0, 3).map(describeIssue).join("; "),
        fix: ["compare it with /openapi.json"],
      });
    },
  });
  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(securityHeaders)) c.res.headers.set(name, value);
  });
  app.onError((error, c) => {
    if (!(error instanceof HTTPException)) logFailure(context, error, { method: c.req.method, path: c.req.path });
    return problemResponse(error);
  });
  app.notFound((c) => problemResponse(noRoute(c.req.method, c.req.path), 404));
  addSystemRoutes(app, context);
  addUndoRoutes(app, context);
  addCheckpointRoutes(app, context);
  addSessionRoutes(app, context);
  addSessionContentRoutes(app, context);
  addAccessRoutes(app, context);
  addResultRoutes(app, context);
  return app;
}

function logFailure(
  context: HttpContext,
  error: Error,
  request: { readonly method: string; readonly path: string },
): void {
  const response = problemResponse(error);
  if (response.status >= 500) context.logger.error({ error, ...request }, "a request failed");
  else context.logger.debug({ error, ...request }, "a request was refused");
}
