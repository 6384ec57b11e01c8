import { ClauderonError } from "@clauderon/core/contract";
import { problemSchema, parseJson } from "@clauderon/core/wire";
import { afterAll, beforeAll, expect, test } from "vitest";

import { openRig, type DaemonRig } from "./daemon-rig.ts";

let rig: DaemonRig;
beforeAll(async () => {
  rig = await openRig();
});
afterAll(() => rig.close());

const call = (method: string, path: string, body?: unknown): Promise<Response> =>
  fetch(`${rig.daemon.file.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${rig.token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });

test("a session goes through its whole life, by name and by id", async () => {
  const created = await call("POST", "/api/sessions", {
    repository: rig.repository,
    name: "life",
    prompt: "say hello",
  });
  expect(created.status).toBe(200);
  const detail = (await created.json()) as { readonly id: string; readonly lifecycle: string };
  expect(detail.lifecycle).toBe("running");
  const byName = (await (await call("GET", "/api/sessions/life?workspace=true")).json()) as Record<string, unknown>;
  const byId = (await (await call("GET", `/api/sessions/${detail.id}`)).json()) as Record<string, unknown>;
  expect(byName["id"]).toBe(byId["id"]);
  expect(byName["workspaceStatus"]).toMatchObject({ exists: true });

  const exec = await call("POST", "/api/sessions/life/exec", {
    argv: ["sh", "-c", "cat; echo error >&2; exit 3"],
    input: "in",
  });
  expect(await exec.json()).toMatchObject({ exitCode: 3, stdout: "in", stderr: "error\n" });

  await call("POST", "/api/sessions/life/exec", { argv: ["sh", "-c", "echo two >> a.txt"] });
  const diff = await call("GET", "/api/sessions/life/diff?format=names");
  expect(diff.headers.get("content-type")).toContain("text/plain");
  expect(await diff.text()).toContain("a.txt");
  // `running` means that the agent's process was started; what it prints comes when it does.
  const logs = async (): Promise<string> => (await call("GET", "/api/sessions/life/logs?lines=50")).text();
  await expect.poll(logs).toContain("ready");

  expect(await (await call("POST", "/api/sessions/life/stop", { graceMs: 500 })).json()).toMatchObject({
    lifecycle: "stopped",
  });
  expect(await (await call("POST", "/api/sessions/life/start")).json()).toMatchObject({ lifecycle: "running" });
  const refused = await call("DELETE", "/api/sessions/life");
  expect([refused.status, ((await refused.json()) as Record<string, unknown>)["code"]]).toEqual([
    409,
    "session.work-at-risk",
  ]);
  expect((await call("DELETE", "/api/sessions/life", { discard: true })).status).toBe(200);
  expect((await call("GET", "/api/sessions/life")).status).toBe(404);
}, 120_000);

test.each([
  ["GET", "/api/sessions/nobody", undefined, 404, "session.not-found"],
  ["GET", "/nothing", undefined, 404, "request.refused"],
  ["PUT", "/api/sessions", {}, 404, "request.refused"],
  ["POST", "/api/sessions", "{", 400, "usage.invalid"],
  ["POST", "/api/sessions", {}, 400, "usage.invalid"],
  ["POST", "/api/sessions", { repository: "/", unknown: 1 }, 400, "usage.invalid"],
  ["POST", "/api/sessions", { repository: "/nowhere", agent: "fake" }, 422, "repository.not-found"],
  ["GET", "/api/events?since=-1", undefined, 400, "usage.invalid"],
  ["GET", "/api/sessions/x/diff?format=other", undefined, 400, "usage.invalid"],
])("%s %s %j is a problem: %i %s", async (...[method, path, body, status, code]) => {
  const response = await call(method, path, body);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const problem = parseJson(await response.text(), problemSchema);
  expect([response.status, problem.status, problem.code]).toEqual([status, status, code]);
  expect(problem.fix.length).toBeGreaterThan(0);
});

test("waking is refused where sessions cannot hibernate", async () => {
  const session = await rig.client.sessions.create({ repository: rig.repository, name: "awake" });
  const response = await call("POST", "/api/sessions/awake/wake");
  expect([response.status, ((await response.json()) as Record<string, unknown>)["code"]]).toEqual([
    422,
    "capability.unsupported",
  ]);
  await session.delete({ discard: true });
});

test("what a session may do is read and changed", async () => {
  const session = await rig.client.sessions.create({ repository: rig.repository, name: "held" });
  const ask = async (method: string, place: string, body?: unknown): Promise<readonly unknown[]> => {
    const response = await call(method, `/api/sessions/held/${place}`, body);
    const answer = (await response.json()) as Record<string, unknown>;
    return [response.status, answer["code"] ?? answer["allow"] ?? answer["session"]];
  };
  expect(await ask("POST", "access", { allow: ["example.com"] })).toEqual([200, ["example.com"]]);
  expect(await ask("POST", "access", { network: "listed" })).toEqual([400, "usage.invalid"]);
  expect(await ask("POST", "access", { everything: true })).toEqual([400, "usage.invalid"]);
  expect(await ask("POST", "access-mode", { access_mode: "ReadOnly" })).toEqual([400, "usage.invalid"]);
  expect(await ask("POST", "access-mode", { access_mode: "ReadWrite" })).toEqual([200, ["example.com"]]);
  // This daemon has no proxy that would hold it to anything.
  expect(await ask("POST", "access-mode", { access_mode: "ReadOnly", advisory: true })).toEqual([
    503,
    "backend.unavailable",
  ]);
  expect(await ask("POST", "access", { budget: "5usd" })).toEqual([503, "backend.unavailable"]);
  expect(await ask("GET", "budget")).toEqual([200, { isReached: false }]);
  expect(await session.detail()).toMatchObject({ accessMode: "read-write", network: "open", allow: ["example.com"] });
  await session.delete({ discard: true });
});

test("the description is OpenAPI 3.1 and names every route", async () => {
  const document = (await (await call("GET", "/openapi.json")).json()) as {
    readonly openapi: string;
    readonly paths: Readonly<Record<string, object>>;
    readonly components: { readonly schemas: Readonly<Record<string, { readonly required?: readonly string[] }>> };
  };
  expect(document.openapi).toMatch(/^3\.1/);
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method} ${path}`),
  );
  expect(operations.sort()).toMatchInlineSnapshot(`
    [
      "delete /api/checkpoints",
      "delete /api/creations/{key}",
      "delete /api/sessions/{reference}",
      "delete /api/sessions/{reference}/viewers",
      "delete /api/undo/{id}",
      "get /api/backends",
      "get /api/checkpoints",
      "get /api/checkpoints/{id}/diff",
      "get /api/checkpoints/{id}/screen",
      "get /api/creations/{key}",
      "get /api/daemon",
      "get /api/daemon/crash-points",
      "get /api/events",
      "get /api/sessions",
      "get /api/sessions/{reference}",
      "get /api/sessions/{reference}/budget",
      "get /api/sessions/{reference}/checkpoints",
      "get /api/sessions/{reference}/diff",
      "get /api/sessions/{reference}/logs",
      "get /api/sessions/{reference}/ready",
      "get /api/undo",
      "get /healthz",
      "post /api/reconcile",
      "post /api/sessions",
      "post /api/sessions/{reference}/access",
      "post /api/sessions/{reference}/access-mode",
      "post /api/sessions/{reference}/apply",
      "post /api/sessions/{reference}/archive",
      "post /api/sessions/{reference}/checkpoints",
      "post /api/sessions/{reference}/checkpoints/{id}/restore",
      "post /api/sessions/{reference}/exec",
      "post /api/sessions/{reference}/merge",
      "post /api/sessions/{reference}/start",
      "post /api/sessions/{reference}/stop",
      "post /api/sessions/{reference}/unarchive",
      "post /api/sessions/{reference}/upload",
      "post /api/sessions/{reference}/wake",
      "post /api/undo",
      "post /api/undo/{id}/take-back",
    ]
  `);
  expect(document.components.schemas["SessionDetail"]?.required).toContain("conversationId");
});

test("health needs no token and tells nothing of the home", async () => {
  const response = await fetch(`${rig.daemon.file.url}/healthz`);
  expect(Object.keys((await response.json()) as object).sort()).toEqual(["pid", "product", "status", "version"]);
});

test("the client tells the same errors as the engine", async () => {
  const error = await rig.client.sessions.get("nobody").then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(ClauderonError.isInstance(error, "session.not-found")).toBe(true);
});
