import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { createAgents } from "@clauderon/agents";
import { createEngine, createHostContext, type Engine } from "@clauderon/core";
import type { EngineSettings } from "@clauderon/core";
import type { Backend, Session } from "@clauderon/core/contract";
import { collectBytes } from "@clauderon/core/host";
import { createFakeBackend, createMemoryStore, fakeAgentPath } from "@clauderon/core/testing";
import { createWorkspaces } from "@clauderon/workspaces";
import { onTestFinished } from "vitest";

import { makeRepository } from "./daemon-rig.ts";

export interface Place {
  readonly home: string;
  readonly repository: string;
  readonly engine: Engine;
  readonly backend: Backend;
}

/** A home, a repository, and an engine with a backend that has a workspace of this machine and a git directory of its own. */
export function place(settings: EngineSettings = {}): Place {
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
    settings: { defaultBackend: "box", defaultAgent: "fake", ...settings },
  });
  onTestFinished(async () => {
    for (const { id } of await engine.sessions.list())
      await (await engine.sessions.get(id)).delete({ discard: true, ignored: "drop" });
    await engine.close();
    await backend.close();
    rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  });
  return { home, repository, engine, backend };
}

/** Runs a program in the session's sandbox, and gives what it said; rejects when it fails. */
export async function inside(session: Session, ...argv: [string, ...string[]]): Promise<string> {
  const handle = await session.spawn(argv);
  const [stdout, stderr, { exitCode }] = await Promise.all([
    collectBytes(handle.stdout),
    collectBytes(handle.stderr),
    handle.exit,
  ]);
  if (exitCode !== 0) throw new Error(`${argv.join(" ")}: ${Buffer.from(stderr).toString()}`);
  return Buffer.from(stdout).toString().trim();
}

/** A commit without changes. */
export function commitInside(session: Session, subject: string): Promise<string> {
  const identity = ["-c", "user.name=A", "-c", "user.email=a@example.com"];
  return inside(session, "git", ...identity, "commit", "-q", "--allow-empty", "-m", subject);
}
