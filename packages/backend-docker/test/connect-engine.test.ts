import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { BackendError, ClauderonError, type DoctorReport } from "@clauderon/core/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { examineDocker } from "../src/docker-doctor.ts";
import { connectEngine } from "../src/engine/connect-engine.ts";
import type { EngineClient } from "../src/engine/engine-client.ts";
import { EngineError } from "../src/engine/engine-error.ts";
import type { EngineScenario } from "./engine/engine-scenario.ts";
import { startEngineEmulator, type EngineEmulator } from "./engine/start-engine-emulator.ts";

let engine: EngineEmulator;
beforeAll(async () => {
  engine = await startEngineEmulator();
});
afterAll(() => engine[Symbol.asyncDispose]());

const nowhere = { platform: "linux", userHome: "/nonexistent", environment: {} } as const;

async function connected(scenario: EngineScenario, body: (client: EngineClient) => Promise<void>): Promise<void> {
  await engine.become(scenario);
  const { client } = await connectEngine(nowhere, { configured: `unix://${engine.socketPath}` });
  await body(client);
}

async function failure(promise: Promise<unknown>): Promise<ClauderonError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(ClauderonError.isInstance(error)).toBe(true);
  return error as ClauderonError;
}

async function refusal(scenario: EngineScenario): Promise<ClauderonError> {
  await engine.become(scenario);
  const error = await failure(
    connectEngine({ ...nowhere, environment: { DOCKER_HOST: `unix://${engine.socketPath}` } }),
  );
  expect(error).toBeInstanceOf(BackendError);
  return error;
}

async function doctor(environment: Readonly<Record<string, string>>): Promise<DoctorReport> {
  const connect = (): ReturnType<typeof connectEngine> => connectEngine({ ...nowhere, environment });
  return examineDocker({ connect });
}

describe("The engine that answers", () => {
  it("is asked in the version that both know", async () => {
    await engine.become({ version: { ApiVersion: "1.41", MinAPIVersion: "1.12" } });
    const { client, candidate } = await connectEngine({
      ...nowhere,
      environment: { DOCKER_HOST: `unix://${engine.socketPath}` },
    });
    expect(candidate.origin).toBe("DOCKER_HOST");
    expect(await client.inspectImage("debian:12")).toBeUndefined();
    expect((await engine.seen()).at(-1)).toMatchObject({ version: "1.41", path: "/images/debian:12/json" });
  });

  it.each([
    ["1.52", "1.44", "1.44"],
    ["1.60", "1.50", "1.50"],
    ["1.44", "1.24", "1.44"],
  ])("with %s to %s is asked in %s", async (ApiVersion, MinAPIVersion, wanted) => {
    await engine.become({ version: { ApiVersion, MinAPIVersion } });
    const { client } = await connectEngine(nowhere, { configured: engine.socketPath });
    const listing = client.listContainers({ "dev.clauderon.instance": "one" });
    await expect(listing).rejects.toBeInstanceOf(EngineError);
    const last = (await engine.seen()).at(-1);
    expect(last).toMatchObject({ version: wanted, path: "/containers/json", query: { all: "1" } });
    expect(JSON.parse(last?.query["filters"] ?? "")).toEqual({ label: ["dev.clauderon.instance=one"] });
  });

  it("tells what it is", async () => {
    const info = {
      SecurityOptions: ["name=rootless", "name=userns"],
      CpuCfsQuota: false,
      Runtimes: { runc: {}, runsc: {} },
    };
    await connected({ info }, async ({ facts }) => {
      expect(facts).toMatchObject({
        version: "29.7.2",
        architecture: "x64",
        isRootless: true,
        hasUserNamespace: true,
        canLimitCpu: false,
        canLimitMemory: true,
        processors: 2,
        runtimes: ["runc", "runsc"],
      });
    });
  });

  it("takes 304 for done, 404 of what is to be gone for gone, and its own words for the error", async () => {
    const answers = {
      "POST /containers/c/start": { status: 304 },
      "POST /containers/c/stop": { status: 304 },
      "DELETE /containers/c": { status: 404, body: { message: "No such container: c" } },
      "POST /containers/create": {
        status: 409,
        body: { message: 'Conflict. The container name "/c" is already in use' },
      },
    };
    await connected({ answers }, async (client) => {
      await client.startContainer("c");
      await client.stopContainer("c", { graceMs: 0 });
      await client.removeContainer("c");
      const made = client.createContainer("c", { Image: "i" });
      await expect(made).rejects.toMatchObject({ status: 409, message: expect.stringContaining("already in use") });
    });
  });

  it("reads containers of old and new engines", async () => {
    const container = {
      Id: "c1",
      Name: "/clauderon-fix",
      Image: "sha256:1",
      State: { Status: "exited", Pid: 0, ExitCode: 137, OOMKilled: true, Error: "", StartedAt: "2026-01-01T00:00:00Z" },
      Config: { Labels: { one: "1" }, User: "1:1" },
      Mounts: [{ Type: "bind", Source: "/a", Destination: "/workspace", RW: true }],
      HostConfig: { NetworkMode: "none" },
      NetworkSettings: { Networks: { none: {} } },
    };
    await connected({ answers: { "GET /containers/c1/json": { body: container } } }, async (client) => {
      expect(await client.inspectContainer("c1")).toEqual({
        id: "c1",
        name: "clauderon-fix",
        state: "exited",
        processId: 0,
        exitCode: 137,
        error: "",
        isOutOfMemory: true,
        startedAt: "2026-01-01T00:00:00Z",
        labels: { one: "1" },
        image: "sha256:1",
        networks: ["none"],
        networkMode: "none",
        user: "1:1",
        mounts: [{ source: "/a", target: "/workspace", isWritable: true }],
      });
    });
  });
});

describe("An engine that cannot be used", () => {
  it.each([
    [{ version: { ApiVersion: "1.40", MinAPIVersion: "1.12" } }, /too old/u],
    [{ version: { ApiVersion: "1.70", MinAPIVersion: "1.60" } }, /too new/u],
    [{ pingHeaders: { "libpod-api-version": "4.3.1" } }, /is Podman/u],
    [{ answers: { "GET /version": { status: 404, body: "404 page not found" } } }, /no Docker engine/u],
    [{ behaviour: "hang-up" }, /broke off/u],
    [{ behaviour: "cut-answer" }, /broke off/u],
  ] as const)("%j is told as it is", async (scenario, message) => {
    expect((await refusal(scenario)).message).toMatch(message);
  });

  it("that hangs is told within 3 s, also by the doctor", async () => {
    await engine.become({ behaviour: "hang" });
    const environment = { DOCKER_HOST: `unix://${engine.socketPath}` };
    const begin = performance.now();
    const [error, report] = await Promise.all([
      failure(connectEngine({ ...nowhere, environment })),
      doctor(environment),
    ]);
    // The bound that is promised; both waits are timers of 2.5 s.
    expect(performance.now() - begin).toBeLessThan(3000);
    expect(error.message).toMatch(/does not answer at .*DOCKER_HOST/u);
    expect(report).toMatchObject({ isUsable: false, checks: [{ id: "engine", status: "failed" }] });
  });

  it("that is not there is told with what to do", async () => {
    const directory = await mkdtemp(join(tmpdir(), "clauderon-nothing-"));
    try {
      const environment = { DOCKER_HOST: `unix://${directory}/none.sock` };
      const missing = await failure(connectEngine({ ...nowhere, environment }));
      expect(missing.message).toMatch(/not running .*named by DOCKER_HOST/u);
      expect(await doctor(environment)).toMatchObject({
        checks: [{ id: "engine", status: "failed", fix: expect.stringContaining("systemctl start docker") }],
      });
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it("that nobody listens on any more is not running", async () => {
    const directory = await mkdtemp(join(tmpdir(), "clauderon-dead-"));
    const path = join(directory, "dead.sock");
    try {
      await new Promise<void>((resolve) => {
        const server = createServer().listen(path, () => server.close(() => resolve()));
      });
      const error = await failure(connectEngine(nowhere, { configured: path }));
      expect(error.message).toMatch(/not running/u);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it.each(["ssh://me@host", "tcp://10.0.0.1:2375", "tcp://127.0.0.1:2375"])(
    "at %s is refused with the reason",
    async (host) => {
      const error = await failure(connectEngine({ ...nowhere, environment: { DOCKER_HOST: host } }));
      expect(error).toMatchObject({ code: "backend.unavailable", why: expect.stringContaining("another machine") });
      expect((await doctor({ DOCKER_HOST: host })).checks[0]?.message).toContain("another machine");
    },
  );

  it("stops being waited for when the caller does", async () => {
    await engine.become({ behaviour: "hang" });
    const reason = new Error("enough");
    const controller = new AbortController();
    const connecting = connectEngine(nowhere, { configured: engine.socketPath, signal: controller.signal });
    controller.abort(reason);
    await expect(connecting).rejects.toBe(reason);
  });
});
