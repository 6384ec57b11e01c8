import type { AccessMode } from "@clauderon/core/contract";
import { sessionAccessChangeSchema, sessionBudgetSchema, sessionDetailSchema } from "@clauderon/core/wire";
import { createRoute, z, type OpenAPIHono } from "@hono/zod-openapi";

import type { HttpContext } from "../http-context.ts";
import { answers, jsonBody, referenceParameter as params } from "./answers.ts";
import { namedSession } from "./named-session.ts";

const modes = { ReadWrite: "read-write", ReadOnly: "read-only" } as const satisfies Readonly<
  Record<string, AccessMode>
>;

const accessModeBody = z
  .strictObject({ access_mode: z.enum(["ReadWrite", "ReadOnly"]), advisory: z.boolean().optional() })
  .meta({ id: "AccessModeRequest" });

/** What sessions may reach and do, and what they cost. */
export function addAccessRoutes(app: OpenAPIHono, { engine }: HttpContext): void {
  app.openapi(
    createRoute({
      method: "post",
      path: "/api/sessions/{reference}/access",
      operationId: "changeAccess",
      description: "What the session may reach and do, and its budget; holds from its next request on.",
      request: { params, ...jsonBody(sessionAccessChangeSchema) },
      responses: answers("The session as it is now held", sessionDetailSchema),
    }),
    async (c) => {
      const session = await namedSession(engine, c);
      return c.json(await session.changeAccess(c.req.valid("json")), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "post",
      path: "/api/sessions/{reference}/access-mode",
      operationId: "setAccessMode",
      description: "The access mode alone, in the words of earlier versions; `/access` takes all there is.",
      request: { params, ...jsonBody(accessModeBody) },
      responses: answers("The session as it is now held", sessionDetailSchema),
    }),
    async (c) => {
      const { access_mode: mode, advisory: isAdvisory } = c.req.valid("json");
      const session = await namedSession(engine, c);
      return c.json(await session.changeAccess({ accessMode: modes[mode], isAdvisory }), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/sessions/{reference}/budget",
      operationId: "getBudget",
      request: { params },
      responses: answers("What its models were used for, and the limits", sessionBudgetSchema),
    }),
    async (c) => {
      const session = await namedSession(engine, c);
      return c.json(await session.budget({ signal: c.req.raw.signal }), 200);
    },
  );
}
