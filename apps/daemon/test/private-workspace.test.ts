import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { createAgents } from "@clauderon/agents";
import { createEngine, createHostContext, type Engine } from "@clauderon/core";
import { collectBytes } from "@clauderon/core/host";
import { createFakeBackend, createMemoryStore, fakeAgentPath } from "@clauderon/core/testing";
import { createWorkspaces } from "@clauderon/workspaces";
import { expect, onTestFinished, test } from "vitest";

import { makeRepository } from "./daemon-rig.ts";

function lastSubject(directory: string, revision = "HEAD"): string {
  return execFileSync("git", ["log", "-1", "--format=%s", revision], { cwd: directory, encoding: "utf8" }).trim();
}

interface Place {
  readonly home: string;
  readonly repository: string;
  readonly engine: Engine;
}

/** A home, a repository, and an engine with a backend that has a workspace of this machine and a git directory of its own. */
function place(): Place {
  const root = mkdtempSync(path.join(tmpdir(), "clauderon-private-"));
  const home = path.join(root, "h");
  mkdirSync(home, { mode: 0o700 });
  const repository = makeRepository(path.join(root, "repository"));
  const context = createHostContext({ homeDirectory: home, instanceId: "private-suite" });
  const backend = createFakeBackend({ context, shape: "container", backendId: "box" });
  const engine = createEngine({
    ...context,
    store: createMemoryStore(),
    backends: [backend],
    agents: createAgents({ ...context, settings: { fake: { command: [process.execPath, fakeAgentPath()] as const } } }),
    workspaces: createWorkspaces(context),
    settings: { defaultBackend: "box", defaultAgent: "fake" },
  });
  onTestFinished(async () => {
    for (const { id } of await engine.sessions.list())
      await (await engine.sessions.get(id)).delete({ discard: true, ignored: "drop" });
    await engine.close();
    await backend.close();
    rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  });
  return { home, repository, engine };
}

test("a session on a backend that isolates works on a git directory of its own, and its commits come out with status, diff and delete", async () => {
  const { home, repository, engine } = place();
  const session = await engine.sessions.create({ repository, name: "one" });
  const { workspace } = await session.detail();
  const inside = async (...argv: [string, ...string[]]): Promise<string> => {
    const handle = await session.spawn(argv);
    const [stdout, { exitCode }] = await Promise.all([collectBytes(handle.stdout), handle.exit]);
    expect([argv, exitCode]).toEqual([argv, 0]);
    return Buffer.from(stdout).toString().trim();
  };
  expect(await inside("git", "rev-parse", "--git-dir")).toBe(path.join(home, "private", session.id, "inside"));
  expect(existsSync(path.join(repository, ".git", "worktrees"))).toBe(false);
  writeFileSync(path.join(workspace, "work.txt"), "work\n");
  await inside("git", "add", "work.txt");
  await inside("git", "-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-q", "-m", "Work");
  expect(await session.diff({ format: "names" })).toBe("work.txt\n");
  expect(lastSubject(workspace)).toBe("Work");
  expect((await session.detail({ withWorkspace: true })).workspaceStatus).toMatchObject({
    staged: 0,
    untracked: 0,
    unreachedCommits: 1,
  });
  const { kept } = await session.delete({ keepBranch: true });
  expect(kept.join("\n")).toContain("clauderon/one stays");
  expect(lastSubject(repository, "clauderon/one")).toBe("Work");
  expect(existsSync(path.join(home, "private", session.id))).toBe(false);
  const restored = await engine.undo.restore();
  const again = await engine.sessions.get(restored.id);
  await again.start();
  expect(lastSubject(workspace)).toBe("Work");
}, 120_000);
