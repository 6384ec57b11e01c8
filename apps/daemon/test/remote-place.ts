import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { createAgents } from "@clauderon/agents";
import { createEngine, createHostContext, type Engine } from "@clauderon/core";
import type { Session } from "@clauderon/core/contract";
import { collectBytes } from "@clauderon/core/host";
import { createFakeBackend, createMemoryStore, fakeAgentPath } from "@clauderon/core/testing";
import { createWorkspaces } from "@clauderon/workspaces";
import { expect, onTestFinished } from "vitest";

import { makeRepository } from "./daemon-rig.ts";

export interface RemotePlace {
  readonly home: string;
  readonly repository: string;
  readonly engine: Engine;
  readonly git: (...args: readonly string[]) => string;
}

/** A home, a repository, and an engine with a backend whose sandboxes have directories of their own. */
export function remotePlace(): RemotePlace {
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
    agents: createAgents({
      ...context,
      settings: {
        fake: { command: [process.execPath, fakeAgentPath()] as const },
        missing: { command: ["no-such-agent-program"] as const },
      },
    }),
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

export async function inside(session: Session, script: string): Promise<string> {
  const handle = await session.spawn(["sh", "-ec", script]);
  const [stdout, stderr, { exitCode }] = await Promise.all([
    collectBytes(handle.stdout),
    collectBytes(handle.stderr),
    handle.exit,
  ]);
  expect([script, exitCode, Buffer.from(stderr).toString()]).toEqual([script, 0, expect.any(String)]);
  return Buffer.from(stdout).toString().trim();
}

/** Of whoever: to be followed by the message. */
export const commit: string = "git -c user.name=A -c user.email=a@example.com commit -q -m";
