import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { createAgents, type AgentSettings } from "@clauderon/agents";
import { createClient, createEngine, loadSettings, type Client, type Engine } from "@clauderon/core";
import { silentLogger } from "@clauderon/core/contract";
import { createHostContext } from "@clauderon/core/host";
import { createFakeBackend, fakeAgentPath } from "@clauderon/core/testing";
import { createSqliteStore } from "@clauderon/store";
import { createWorkspaces } from "@clauderon/workspaces";

import { readOrCreateToken } from "../src/security/token-file.ts";
import { startDaemon, type RunningDaemon } from "../src/start-daemon.ts";

const agentSettings: Readonly<Record<string, AgentSettings>> = {
  fake: { command: [process.execPath, fakeAgentPath()] },
  missing: { command: ["no-such-agent-program"] },
  hasty: { command: ["sh", "-c", "echo goodbye; exit 3"] },
};

/** A daemon in this process, on a home of its own, with a fake backend of real processes. */
export interface DaemonRig extends AsyncDisposable {
  readonly root: string;
  readonly home: string;
  readonly repository: string;
  readonly daemon: RunningDaemon;
  readonly port: number;
  readonly token: string;
  readonly client: Client;
  close(): Promise<void>;
}

export interface RigOptions {
  readonly reconcileMs?: number;
  /** Stands before the engine that the daemon uses. */
  readonly watchEngine?: (engine: Engine) => Engine;
  /** Of its backend; default `host`. */
  readonly shape?: "host" | "container" | "remote";
}

export async function openRig(homeDirectory?: string, options: RigOptions = {}): Promise<DaemonRig> {
  const root = mkdtempSync(path.join(tmpdir(), "clauderon-daemon-"));
  const home = homeDirectory ?? path.join(root, "h");
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const repository = makeRepository(path.join(root, "repository"));
  const context = createHostContext({ homeDirectory: home, instanceId: "10000000-0000-4000-8000-000000000001" });
  const store = await createSqliteStore({ path: path.join(home, "db.sqlite") });
  const backend = createFakeBackend({ context, shape: options.shape ?? "host", backendId: "local" });
  const engine = createEngine({
    ...context,
    store,
    backends: [backend],
    agents: createAgents({ runner: context.runner, settings: agentSettings }),
    workspaces: createWorkspaces(context),
    settings: { defaultBackend: "local", defaultAgent: "fake" },
  });
  const token = await readOrCreateToken(home, silentLogger);
  const settings = await loadSettings({ homeDirectory: home, environment: { CLAUDERON_PORT: "0" } });
  const composition = {
    engine: options.watchEngine?.(engine) ?? engine,
    store,
    backends: [backend],
    async [Symbol.asyncDispose]() {
      await engine.close();
      await backend.close();
      await store.close();
    },
  };
  const daemon = await startDaemon({
    settings,
    composition,
    token,
    logger: silentLogger,
    reconcileMs: options.reconcileMs,
  });
  const client = createClient({ url: daemon.file.url, token });
  const close = async (): Promise<void> => {
    await client.close();
    await daemon.close();
    await composition[Symbol.asyncDispose]();
    rmSync(root, { recursive: true, force: true, maxRetries: 10 });
  };
  return {
    root,
    home,
    repository,
    daemon,
    port: Number(new URL(daemon.file.url).port),
    token,
    client,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** In a directory, as somebody. */
export function git(directory: string, ...args: readonly string[]): void {
  execFileSync("git", ["-C", directory, "-c", "user.name=t", "-c", "user.email=t@example.org", ...args], {
    stdio: "ignore",
  });
}

export function makeRepository(directory: string): string {
  mkdirSync(directory, { recursive: true });
  git(directory, "init", "--initial-branch=main");
  writeFileSync(path.join(directory, "a.txt"), "one\n");
  git(directory, "add", "-A");
  git(directory, "commit", "-m", "first");
  return directory;
}
