import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { AgentLaunch, Backend, BackendContext, Sandbox } from "@clauderon/core/contract";
import { spawnProcess } from "@clauderon/core/host";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { createZellijBackend } from "../src/index.ts";
import { Launches } from "../src/launches.ts";
import { createZellijWorld, zellijMissing, type ZellijWorld } from "./real-zellij.ts";

describe.skipIf(zellijMissing !== undefined)("what a dead daemon or a dead zellij left behind", () => {
  let world: ZellijWorld;
  let context: BackendContext;
  let backend: Backend;
  const made: Sandbox[] = [];

  beforeAll(async () => {
    world = await createZellijWorld();
    context = await world.newContext();
    backend = createZellijBackend(context, { program: world.program });
  });
  afterAll(async () => {
    try {
      await Promise.all(made.map((sandbox) => sandbox.destroy({ graceMs: 500 })));
      await backend.close();
    } finally {
      await world[Symbol.asyncDispose]();
    }
  });

  const create = async (environment: Readonly<Record<string, string>> = {}): Promise<Sandbox> => {
    const spec = await world.newSpec();
    const sandbox = await backend.create({ ...spec, environment: { ...spec.environment, ...environment } });
    made.push(sandbox);
    return sandbox;
  };
  const countedLaunch = (launchId: string = randomUUID()): AgentLaunch => ({
    launchId,
    argv: ["sh", "-c", "printf x >> starts; exec sleep 1000"],
    mode: "terminal",
  });
  /** The agent's process is there before it has done anything, and its file before anything is in it. */
  const starts = (sandbox: Sandbox): Promise<string> =>
    vi.waitFor(
      async () => {
        const text = await readFile(join(sandbox.workspacePath, "starts"), "utf8");
        expect(text).not.toBe("");
        return text;
      },
      { timeout: 30_000 },
    );
  const stateDirectory = (sandbox: Sandbox): string =>
    join(context.homeDirectory, "state", "zellij", sandbox.sandboxId);

  /** zellij lists the name as EXITED, kept to be resurrected. */
  const keepDead = async (name: string, text: string): Promise<string> => {
    const directory = join(world.home, ".cache/zellij/contract_version_1/session_info", `clauderon-${name}`);
    await mkdir(directory, { recursive: true });
    const path = join(directory, "session-layout.kdl");
    await writeFile(path, text);
    expect((await world.zellij("list-sessions", "-n")).text).toMatch(new RegExp(`clauderon-${name} .*EXITED`, "u"));
    return path;
  };

  /** As a daemon leaves it that died right after it had written the launch down. */
  const beginAndDie = async (sandbox: Sandbox, launch: AgentLaunch): Promise<void> => {
    await new Launches(stateDirectory(sandbox)).begin(launch, new Date());
    const dead = await spawnProcess(["true"], { cwd: "/", environment: {} });
    await dead.exit;
    const path = join(stateDirectory(sandbox), "launches", launch.launchId, "launch.json");
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replace(`"owner":${String(process.pid)}`, `"owner":${String(dead.processId)}`));
  };

  it("refuses a name that zellij keeps for somebody, says how to free it and leaves it", async () => {
    const path = await keepDead("kept", "layout {\n    pane\n}\n");
    const spec = await world.newSpec("kept");
    await expect(backend.create(spec)).rejects.toMatchObject({
      code: "sandbox.name-taken",
      fix: expect.arrayContaining([expect.stringContaining("zellij delete-session clauderon-kept")]),
    });
    expect(existsSync(path)).toBe(true);
  });

  it("removes what zellij kept of its own dead session, and starts the agent", async () => {
    const sandbox = await create();
    const path = await keepDead(
      sandbox.name,
      `layout {\n    pane command="sh" {\n        args "${stateDirectory(sandbox)}"\n    }\n}\n`,
    );
    expect((await sandbox.startAgent(countedLaunch())).state).toBe("running");
    expect(existsSync(path)).toBe(false);
  });

  it("makes a launch that was written down and never made, once", async () => {
    const sandbox = await create();
    const launch = countedLaunch();
    await beginAndDie(sandbox, launch);
    await using next = createZellijBackend(context, { program: world.program });
    const again = await next.open(sandbox.sandboxId);
    const first = await again?.startAgent(launch);
    expect(first).toMatchObject({ state: "running", launchId: launch.launchId });
    await using third = createZellijBackend(context, { program: world.program });
    const second = await (await third.open(sandbox.sandboxId))?.startAgent(launch);
    expect(second?.processId).toBe(first?.processId);
    expect(await starts(sandbox)).toBe("x");
  });

  it("does not make a launch again whose agent has ended meanwhile", async () => {
    const sandbox = await create();
    const launch: AgentLaunch = { ...countedLaunch(), argv: ["sh", "-c", "printf x >> starts; exit 4"] };
    await sandbox.startAgent(launch);
    await sandbox.agentExit();
    await using next = createZellijBackend(context, { program: world.program });
    const again = await (await next.open(sandbox.sandboxId))?.startAgent(launch);
    expect(again).toMatchObject({ state: "exited", exit: { exitCode: 4 } });
    expect(await starts(sandbox)).toBe("x");
  });

  it("makes one agent of the same launch asked for by many at once", async () => {
    const sandbox = await create();
    const launch = countedLaunch();
    const all = await Promise.all(Array.from({ length: 4 }, () => sandbox.startAgent(launch)));
    expect(new Set(all.map(({ processId }) => processId)).size).toBe(1);
    expect(await starts(sandbox)).toBe("x");
  });

  it.skipIf(process.platform !== "linux")(
    "waits for a session that is slow to be born, and makes it once",
    async () => {
      const program = join(world.directory, "zellij-counted");
      const births = join(world.directory, "births");
      const count = `case "$*" in *--create*) printf x >> ${births} ;; esac`;
      await writeFile(program, `#!/bin/sh\n${count}\nexec ${world.program} "$@"\n`, { mode: 0o755 });
      await using counted = createZellijBackend(context, { program });
      const sandbox = await counted.create(await world.newSpec());
      const seen = await backend.open(sandbox.sandboxId);
      if (seen !== undefined) made.push(seen);
      const socket = join(world.directory, "s/contract_version_1", `clauderon-${sandbox.name}`);
      const starting = sandbox.startAgent(countedLaunch());
      const server = await vi.waitUntil(() => serversAt(socket)[0], { timeout: 30_000, interval: 1 });
      process.kill(server, "SIGSTOP");
      setTimeout(() => process.kill(server, "SIGCONT"), 4500);
      expect((await starting).state).toBe("running");
      expect(await readFile(births, "utf8")).toBe("x");
    },
  );

  it("writes no environment to any disk", async () => {
    const canary = `canary-${randomUUID()}`;
    const sandbox = await create({ CLAUDERON_TEST_CANARY: canary });
    await sandbox.startAgent({
      launchId: randomUUID(),
      argv: ["sh", "-c", 'test -n "$CLAUDERON_TEST_CANARY$LAUNCH_CANARY" && : > seen; exec sleep 1000'],
      mode: "terminal",
      environment: { LAUNCH_CANARY: canary },
    });
    await vi.waitFor(() => expect(existsSync(join(sandbox.workspacePath, "seen"))).toBe(true), { timeout: 30_000 });
    await using view = await sandbox.agentTerminal();
    const check = await sandbox.exec(["sh", "-c", 'test -n "$CLAUDERON_TEST_CANARY"']);
    expect((await check.exit).exitCode).toBe(0);
    await view.close();
    await sandbox.stop({ graceMs: 500 });
    expect(existsSync(join(sandbox.workspacePath, "seen"))).toBe(true);
    const logs = join(tmpdir(), `zellij-${String(process.getuid?.() ?? 0)}`);
    const found = [...(await filesWith(world.directory, canary)), ...(await filesWith(logs, canary))];
    expect(found).toEqual([]);
    const planted = join(context.homeDirectory, "planted");
    await writeFile(planted, `a=${canary}`);
    expect(await filesWith(world.directory, canary)).toEqual([planted]);
  });
});

/** The zellij servers of that socket. */
function serversAt(socket: string): readonly number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/u.test(entry))
    .filter((entry) => {
      try {
        return readFileSync(`/proc/${entry}/cmdline`, "utf8").includes(`\0--server\0${socket}\0`);
      } catch {
        // It ended between the two looks.
        return false;
      }
    })
    .map(Number);
}

/** Sockets have no content. */
async function filesWith(directory: string, text: string): Promise<readonly string[]> {
  if (!existsSync(directory)) return [];
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = await Promise.all(files.map(async (path) => ({ path, bytes: await readFile(path) })));
  return contents.filter(({ bytes }) => bytes.includes(text)).map(({ path }) => path);
}
