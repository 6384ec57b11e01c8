import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { createAgents } from "@clauderon/agents";
import { createEngine, createHostContext, type Engine } from "@clauderon/core";
import type { Session } from "@clauderon/core/contract";
import { collectBytes } from "@clauderon/core/host";
import { createFakeBackend, createMemoryStore, fakeAgentPath } from "@clauderon/core/testing";
import { createWorkspaces } from "@clauderon/workspaces";
import { expect, onTestFinished, test } from "vitest";

import { makeRepository } from "./daemon-rig.ts";

interface Place {
  readonly home: string;
  readonly repository: string;
  readonly engine: Engine;
  readonly git: (...args: readonly string[]) => string;
}

/** A home, a repository, and an engine with a backend whose sandboxes have directories of their own. */
function place(): Place {
  const root = mkdtempSync(path.join(tmpdir(), "clauderon-remote-"));
  const home = path.join(root, "h");
  mkdirSync(home, { mode: 0o700 });
  const repository = makeRepository(path.join(root, "repository"));
  const context = createHostContext({ homeDirectory: home, instanceId: "remote-suite" });
  const backend = createFakeBackend({ context, shape: "remote", backendId: "far" });
  const engine = createEngine({
    ...context,
    store: createMemoryStore(),
    backends: [backend],
    agents: createAgents({ ...context, settings: { fake: { command: [process.execPath, fakeAgentPath()] as const } } }),
    workspaces: createWorkspaces(context),
    settings: { defaultBackend: "far", defaultAgent: "fake" },
  });
  onTestFinished(async () => {
    for (const { id } of await engine.sessions.list())
      await (await engine.sessions.get(id)).delete({ discard: true, ignored: "drop" });
    await engine.close();
    await backend.close();
    rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  });
  const git = (...args: readonly string[]): string =>
    execFileSync("git", args, { cwd: repository, encoding: "utf8" }).trim();
  return { home, repository, engine, git };
}

async function inside(session: Session, script: string): Promise<string> {
  const handle = await session.spawn(["sh", "-ec", script]);
  const [stdout, stderr, { exitCode }] = await Promise.all([
    collectBytes(handle.stdout),
    collectBytes(handle.stderr),
    handle.exit,
  ]);
  expect([script, exitCode, Buffer.from(stderr).toString()]).toEqual([script, 0, expect.any(String)]);
  return Buffer.from(stdout).toString().trim();
}

const commit = "git -c user.name=A -c user.email=a@example.com commit -q -m";

test("a session far away works on all that was here, and its work comes back by diff, merge, delete and undo", async () => {
  const { home, repository, engine, git } = place();
  writeFileSync(path.join(repository, "open.txt"), "open\n");
  const session = await engine.sessions.create({ repository, name: "one", withChanges: true });
  const { workspace } = await session.detail();
  const far = await inside(session, "pwd; cat open.txt; git branch --show-current");
  expect(far).toContain(path.join(home, "state", "far"));
  expect(far).toContain("open\nclauderon/one");
  await inside(session, `echo work > work.txt; git add work.txt; ${commit} Work; echo later > later.txt`);
  expect((await session.diff({ format: "names" })).split("\n")).toEqual(["later.txt", "open.txt", "work.txt", ""]);
  expect(readFileSync(path.join(workspace, "later.txt"), "utf8")).toBe("later\n");
  await expect(session.delete()).rejects.toMatchObject({ code: "session.work-at-risk" });
  expect((await session.detail()).lifecycle).toBe("running");
  rmSync(path.join(repository, "open.txt"));
  await expect(session.merge()).rejects.toMatchObject({ code: "merge.refused" });
  await inside(session, `git add -A; ${commit} All`);
  expect(await session.merge()).toMatchObject({ isUpToDate: false });
  expect(git("log", "-1", "--format=%s", "main")).toBe("All");
  await inside(session, "echo new > new.txt; mkdir ignored; echo '*' > ignored/.gitignore; echo built > ignored/out");
  await session.delete({ discard: true, ignored: "keep" });
  expect(existsSync(workspace)).toBe(false);
  const restored = await engine.undo.restore({ reference: session.id });
  const again = await engine.sessions.get(restored.id);
  await again.start();
  expect(await inside(again, "cat later.txt ignored/out; git log -1 --format=%s; git status --short")).toBe(
    "later\nbuilt\nAll\n?? new.txt",
  );
}, 120_000);

test("what a stopped session did last comes out when it is asked for, and without its sandbox nothing is given up", async () => {
  const { home, repository, engine } = place();
  const session = await engine.sessions.create({ repository, name: "two" });
  await inside(session, `echo work > work.txt; git add work.txt; ${commit} Work`);
  await session.stop();
  expect(await session.diff({ format: "names" })).toBe("work.txt\n");
  await session.start();
  await inside(session, "echo last > last.txt");
  await session.stop();
  // The backend's machine is away.
  const machine = path.join(home, "state", "far", session.id);
  execFileSync("mv", [machine, `${home}/away`]);
  const waits = { code: "workspace.sync-failed", message: expect.stringContaining("waits there") };
  await expect(session.diff()).rejects.toMatchObject(waits);
  await expect(session.merge()).rejects.toMatchObject(waits);
  await expect(session.delete()).rejects.toMatchObject({ code: "session.work-at-risk" });
  await expect(session.archive()).rejects.toMatchObject({ code: "session.work-at-risk" });
  execFileSync("mv", [`${home}/away`, machine]);
  expect(await session.diff({ format: "names" })).toBe("last.txt\nwork.txt\n");
  await session.archive();
  expect(existsSync(machine)).toBe(false);
  await session.unarchive();
  await session.start();
  expect(await inside(session, "cat last.txt work.txt")).toBe("last\nwork");
}, 120_000);
