import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { createAgents } from "@clauderon/agents";
import { createLocalBackend } from "@clauderon/backend-local";
import { createEngine, createHostContext, type Engine, type EngineSettings } from "@clauderon/core";
import { createSetupTrust } from "@clauderon/core/host";
import { createMemoryStore, fakeAgentPath } from "@clauderon/core/testing";
import { createWorkspaces } from "@clauderon/workspaces";
import { describe, expect, onTestFinished, test } from "vitest";

import { git, makeRepository } from "./daemon-rig.ts";
import { endSessionHost } from "./end-session-host.ts";
import { until } from "./until.ts";

interface Place {
  readonly root: string;
  readonly home: string;
  readonly repository: string;
  engine(settings?: EngineSettings): Engine;
}

/** A home, a repository, and engines over them with the built-in backend. */
function place(): Place {
  const root = mkdtempSync(path.join(tmpdir(), "clauderon-setup-"));
  const home = path.join(root, "h");
  mkdirSync(home, { mode: 0o700 });
  const repository = makeRepository(path.join(root, "repository"));
  const context = createHostContext({ homeDirectory: home, instanceId: "setup-suite" });
  const backend = createLocalBackend(context);
  const store = createMemoryStore();
  const engines: Engine[] = [];
  onTestFinished(async () => {
    for (const engine of engines) {
      for (const { id } of await engine.sessions.list())
        await (await engine.sessions.get(id)).delete({ discard: true, ignored: "drop" });
      await engine.close();
    }
    await backend.close();
    await endSessionHost(home);
    rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  });
  return {
    root,
    home,
    repository,
    engine(settings = {}) {
      const fake = { command: [process.execPath, fakeAgentPath()] as const };
      const engine = createEngine({
        ...context,
        store,
        backends: [backend],
        agents: createAgents({ ...context, settings: { fake } }),
        workspaces: createWorkspaces(context),
        settings: { defaultBackend: "local", defaultAgent: "fake", ...settings },
      });
      engines.push(engine);
      return engine;
    },
  };
}

function commitSetup({ repository }: Place, script: string, mode: number): void {
  const directory = path.join(repository, ".clauderon");
  mkdirSync(directory, { recursive: true });
  writeFileSync(path.join(directory, "setup"), script);
  chmodSync(path.join(directory, "setup"), mode);
  git(repository, "add", "-A");
  git(repository, "commit", "-m", "setup");
}

describe("the user's setup command", () => {
  test("runs in the workspace before the agent, with the files that were copied into it", async () => {
    const world = place();
    writeFileSync(path.join(world.repository, ".env"), "TOKEN=1\n");
    const { repository } = world;
    const setup = 'cat .env; echo "$CLAUDERON_SESSION" >ready.txt; echo told >&2';
    const session = await world.engine({ setup, include: [".env"] }).sessions.create({ repository, name: "one" });
    const { workspace, copied, notices, id } = await session.detail();
    expect(copied).toEqual([".env"]);
    expect(readFileSync(path.join(workspace, "ready.txt"), "utf8")).toBe("one\n");
    const log = path.join(world.home, "logs", "setup", `${id}.log`);
    expect(readFileSync(log, "utf8").split("\n").toSorted()).toEqual(["", "TOKEN=1", "told"]);
    expect(notices).toContain("copied from your checkout: .env");
    expect(notices).toContainEqual(expect.stringMatching(/^workspace\.setup ran in [\d.]+ s; its output: /u));
    await session.delete({ discard: true });
    expect(existsSync(log)).toBe(false);
  });

  test("that fails is told with its last lines, no agent starts, and start tries again", async () => {
    const world = place();
    const flag = path.join(world.root, "mended");
    const engine = world.engine({ setup: `echo first; echo the reason; test -e '${flag}'` });
    const creating = engine.sessions.create({ repository: world.repository, name: "one" });
    await expect(creating).rejects.toMatchObject({
      code: "workspace.setup-failed",
      message: expect.stringContaining("exit code 1"),
      why: "first\nthe reason",
      fix: expect.arrayContaining([expect.stringContaining("clauderon start one")]),
    });
    const session = await engine.sessions.get("one");
    const { lifecycle, error } = await session.detail();
    expect([lifecycle, error?.code]).toEqual(["failed", "workspace.setup-failed"]);
    expect(readFileSync(String(error?.context?.["log"]), "utf8")).toBe("first\nthe reason\n");
    writeFileSync(flag, "");
    expect(await session.start()).toMatchObject({ lifecycle: "running" });
  });

  test("that takes too long is ended with everything it started", async () => {
    const world = place();
    const file = path.join(world.root, "child.pid");
    const setup = `sh -c 'echo $$ >"${file}"; exec sleep 600' & wait`;
    const engine = world.engine({ setup, setupTimeoutMs: 1500 });
    const creating = engine.sessions.create({ repository: world.repository, name: "one" });
    await expect(creating).rejects.toMatchObject({
      code: "workspace.setup-failed",
      message: expect.stringContaining("took longer than 1.5 s"),
    });
    await until(() => !isRunning(file), "the child of the setup goes on");
  });

  test("is ended, and everything taken back, when the creation is given up", async () => {
    const world = place();
    const file = path.join(world.root, "child.pid");
    const engine = world.engine({ setup: `sh -c 'echo $$ >"${file}"; exec sleep 600' & wait` });
    const giveUp = new AbortController();
    const creating = engine.sessions.create({ repository: world.repository, name: "one" }, { signal: giveUp.signal });
    const ended = creating.catch((error: unknown) => error);
    await until(() => existsSync(file) && readFileSync(file, "utf8").endsWith("\n"), "the setup does not begin");
    giveUp.abort(new Error("given up"));
    expect(await ended).toMatchObject({ message: "given up" });
    await until(() => !isRunning(file), "the child of the setup goes on");
    expect(await engine.sessions.list()).toEqual([]);
    expect(existsSync(path.join(world.home, "worktrees", "one"))).toBe(false);
  });
});

describe("the repository's setup script", () => {
  test("is not run until its content is trusted, and then as long as it stays the same", async () => {
    const world = place();
    const { repository } = world;
    commitSetup(world, "touch ran.txt\n", 0o644);
    const engine = world.engine();
    const untrusted = await engine.sessions.create({ repository, name: "untrusted" });
    const before = await untrusted.detail();
    expect(existsSync(path.join(before.workspace, "ran.txt"))).toBe(false);
    expect(before.notices).toContainEqual(expect.stringContaining(`clauderon trust ${before.workspace}`));

    const first = await (await engine.sessions.create({ repository, name: "first", isSetupTrusted: true })).detail();
    expect(existsSync(path.join(first.workspace, "ran.txt"))).toBe(true);
    const second = await (await engine.sessions.create({ repository, name: "second" })).detail();
    expect(existsSync(path.join(second.workspace, "ran.txt"))).toBe(true);

    commitSetup(world, "#!/bin/sh\ntouch ran.txt other.txt\n", 0o755);
    const changed = await (await engine.sessions.create({ repository, name: "changed" })).detail();
    expect(existsSync(path.join(changed.workspace, "ran.txt"))).toBe(false);

    const trust = createSetupTrust(world.home);
    for (const { hash } of await trust.list()) await trust.remove(hash);
    git(repository, "revert", "--no-edit", "HEAD");
    const revoked = await (await engine.sessions.create({ repository, name: "revoked" })).detail();
    expect(existsSync(path.join(revoked.workspace, "ran.txt"))).toBe(false);
  });

  test("is never a link, and runs as the program that it is", async () => {
    const world = place();
    const { repository } = world;
    const engine = world.engine();
    const outside = path.join(world.root, "outside");
    writeFileSync(outside, `touch '${world.root}/escaped'\n`);
    mkdirSync(path.join(repository, ".clauderon"));
    symlinkSync(outside, path.join(repository, ".clauderon", "setup"));
    git(repository, "add", "-A");
    git(repository, "commit", "-m", "link");
    const linked = await (await engine.sessions.create({ repository, name: "linked", isSetupTrusted: true })).detail();
    expect(linked.notices).toContainEqual(expect.stringContaining("was not run: it is no regular file"));
    expect(existsSync(path.join(world.root, "escaped"))).toBe(false);

    rmSync(path.join(repository, ".clauderon", "setup"));
    commitSetup(world, `#!${process.execPath}\nrequire("fs").writeFileSync("ran.txt", process.cwd());\n`, 0o755);
    const run = await (await engine.sessions.create({ repository, name: "run", isSetupTrusted: true })).detail();
    expect(readFileSync(path.join(run.workspace, "ran.txt"), "utf8")).toBe(run.workspace);
  });
});

test("more ignored files than the limit are not decided about without the user", async () => {
  const world = place();
  const { repository } = world;
  writeFileSync(path.join(repository, ".gitignore"), "cache/\n");
  git(repository, "add", "-A");
  git(repository, "commit", "-m", "ignore");
  const engine = world.engine({ undoIgnoredLimitBytes: 10_000 });
  const make = async (name: string) => {
    const session = await engine.sessions.create({ repository, name });
    const { workspace } = await session.detail();
    mkdirSync(path.join(workspace, "cache"));
    writeFileSync(path.join(workspace, "cache", "large"), "x".repeat(50_000));
    return { session, large: path.join(workspace, "cache", "large") };
  };
  for (const ignored of ["keep", "drop"] as const) {
    const { session, large } = await make(ignored);
    const refused = {
      code: "session.ignored-over-limit",
      fix: expect.arrayContaining([expect.stringMatching(/--drop-ignored/u)]),
    };
    await expect(session.delete()).rejects.toMatchObject(refused);
    await expect(session.delete({ discard: true })).rejects.toMatchObject(refused);
    expect(await session.detail()).toMatchObject({ lifecycle: "running" });
    expect((await session.delete({ ignored })).undoUntil).toBeDefined();
    await engine.undo.restore({ reference: ignored });
    expect(existsSync(large)).toBe(ignored === "keep");
  }
});

function isRunning(file: string): boolean {
  try {
    process.kill(Number(readFileSync(file, "utf8")), 0);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}
