import { execRequestSchema, execResultSchema, sessionUploadSchema } from "@clauderon/core/wire";
import { createRoute, z, type OpenAPIHono } from "@hono/zod-openapi";

import type { HttpContext } from "../http-context.ts";
import { answers, jsonBody, natural, referenceParameter as params, textAnswers } from "./answers.ts";
import { namedSession } from "./named-session.ts";

const uploadSchema = z.object({
  file: z
    .custom<File>((value) => value instanceof File, "expected a file with a name")
    .openapi({ type: "string", format: "binary" }),
});

/** What is in a session: exec, diff, logs, viewers. The WebSocket forms of exec, output and tty are in `sockets/`. */
export function addSessionContentRoutes(app: OpenAPIHono, { engine, hub }: HttpContext): void {
  app.openapi(
    createRoute({
      method: "post",
      path: "/api/sessions/{reference}/exec",
      operationId: "execInSession",
      description: "Runs a command to its end. An upgrade to a WebSocket (GET, `clauderon.exec.v1`) streams instead.",
      request: { params, ...jsonBody(execRequestSchema) },
      responses: answers("How it ended, and all it printed", execResultSchema),
    }),
    async (c) => {
      const session = await namedSession(engine, c);
      const { argv, cwd, environment, input, timeoutMs } = c.req.valid("json");
      return c.json(await session.exec(argv, { cwd, environment, input, timeoutMs }), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "post",
      path: "/api/sessions/{reference}/upload",
      operationId: "uploadToSession",
      description:
        "Puts a file (at most 32 MiB) where the agent can read it; git sees nothing of it, and it goes with the session.",
      request: {
        params,
        body: {
          required: true,
          content: { "multipart/form-data": { schema: uploadSchema } },
        },
      },
      responses: answers("Where it lies", sessionUploadSchema),
    }),
    async (c) => {
      const session = await namedSession(engine, c);
      const { file } = c.req.valid("form");
      const content = new Uint8Array(await file.arrayBuffer());
      return c.json(await session.upload({ name: file.name, content }, { signal: c.req.raw.signal }), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/sessions/{reference}/diff",
      operationId: "diffSession",
      request: {
        params,
        query: z.object({ format: z.enum(["patch", "stat", "names"]).optional(), base: z.string().optional() }),
      },
      responses: textAnswers("Everything since the base"),
    }),
    async (c) => {
      const { signal } = c.req.raw;
      const session = await namedSession(engine, c);
      return c.text(await session.diff({ ...c.req.valid("query"), signal }), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/api/sessions/{reference}/logs",
      operationId: "readSessionText",
      request: { params, query: z.object({ lines: natural }) },
      responses: textAnswers("The latest lines of the agent's terminal"),
    }),
    async (c) => {
      const { signal } = c.req.raw;
      const session = await namedSession(engine, c);
      return c.text(await session.text({ lines: c.req.valid("query").lines, signal }), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "delete",
      path: "/api/sessions/{reference}/viewers",
      operationId: "dismissViewers",
      request: { params },
      responses: answers("How many views of the terminal were ended", z.object({ count: z.int() })),
    }),
    async (c) => {
      const session = await namedSession(engine, c);
      return c.json({ count: await hub.dismiss(session.id) }, 200);
    },
  );
}
