import { rm } from "node:fs/promises";
import { resolve } from "node:path";

import type { CallOptions } from "../../contract/call-options.ts";
import { AgentError } from "../../contract/errors/agent-error.ts";
import { SandboxError } from "../../contract/errors/sandbox-error.ts";
import type { ExecOptions, ProcessHandle } from "../../contract/process.ts";
import type { SandboxFiles } from "../../contract/sandbox-files.ts";
import type { AgentLaunch, AgentProcessStatus, Sandbox, SandboxStatus, StopOptions } from "../../contract/sandbox.ts";
import type { AgentTerminalOptions, TerminalStream } from "../../contract/terminal.ts";
import { unsupportedPowers } from "../../contract/unsupported-powers.ts";
import {
  abortable,
  createDirectoryFiles,
  createKeeperClient,
  endMarkedProcesses,
  type KeeperClient,
  KeeperGoneError,
  markerVariable,
  spawnProcess,
  type startKeeper,
} from "../../host/index.ts";
import type { FakeShape } from "./fake-shape.ts";
import { fakeEnvironment, fakePlaces, type FakePlaces } from "./fake-shape.ts";
import {
  exists,
  type FakeRecord,
  type FakeState,
  forgetLaunch,
  isStopped,
  lastLaunch,
  readKeeper,
  recordKeeper,
  recordLaunch,
  setStopped,
} from "./fake-state.ts";

const GRACE_MS = 10_000;
const TEXT_LINES = 1000;

export interface FakeSandboxOptions {
  readonly backendId: string;
  readonly shape: FakeShape;
  readonly state: FakeState;
  readonly startKeeper: typeof startKeeper;
  readonly record: FakeRecord;
}

/** A sandbox as found on disk and at its keeper; it remembers nothing itself. */
export class FakeSandbox implements Sandbox {
  readonly sandboxId: string;
  readonly name: string;
  readonly workspacePath: string;
  readonly files: SandboxFiles;
  readonly network: Sandbox["network"];
  readonly hibernate: Sandbox["hibernate"];
  readonly wake: Sandbox["wake"];
  readonly checkpoints: Sandbox["checkpoints"];
  readonly refresh: Sandbox["refresh"];
  readonly usage: Sandbox["usage"];
  readonly #options: FakeSandboxOptions;
  readonly #directory: string;
  readonly #places: FakePlaces;
  readonly #marker: string;
  readonly #streams = new Set<TerminalStream>();

  constructor(options: FakeSandboxOptions) {
    const { record, state } = options;
    this.#options = options;
    this.sandboxId = record.sandboxId;
    this.name = record.name;
    this.#directory = state.sandboxDirectory(record.sandboxId);
    this.#places = fakePlaces(options.shape, this.#directory, record.workspace.hostPath);
    this.#marker = `${record.instanceId}/${record.sandboxId}`;
    this.workspacePath = this.#places.workspacePath;
    this.files = createDirectoryFiles({ root: this.#places.filesRoot, workspacePath: this.workspacePath });
    const powers = unsupportedPowers(options.backendId);
    this.network = powers.network;
    this.hibernate = powers.hibernate;
    this.wake = powers.wake;
    this.checkpoints = powers.checkpoints;
    this.refresh = powers.refresh;
    this.usage = powers.usage;
  }

  async inspect(options?: CallOptions): Promise<SandboxStatus> {
    options?.signal?.throwIfAborted();
    const egress = "open";
    if (!(await exists(this.#directory))) {
      const [remains] = await this.#options.state.remains(this.sandboxId);
      const agent = { state: "none" } as const;
      if (remains === undefined) return { state: "missing", agent, egress };
      return { state: "failed", agent, egress, reason: "it was never finished" };
    }
    const found = await this.#askKeeper((keeper) => keeper.status(options));
    const stopped = await isStopped(this.#directory);
    if (found !== undefined) return { state: stopped ? "stopped" : "running", agent: found.agent, egress };
    const agent = await this.#lostAgent();
    if (stopped) return { state: "stopped", agent, egress };
    return { state: "failed", agent, egress, reason: "the process that kept it has died" };
  }

  async start(
    options: CallOptions & { readonly environment?: Readonly<Record<string, string>> | undefined } = {},
  ): Promise<void> {
    options.signal?.throwIfAborted();
    await this.#refuseMissing();
    const environment = options.environment === undefined ? undefined : this.#environment(options.environment);
    const isKept = await this.#askKeeper(async (keeper) => {
      await keeper.resume(environment);
      return true;
    });
    if (isKept !== true) await this.#newKeeper(environment ?? this.#environment(baseEnvironment()));
    await setStopped(this.#directory, false);
  }

  async stop(options: StopOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    if (!(await exists(this.#directory))) return;
    await setStopped(this.#directory, true);
    await abortable(this.#end(options.graceMs ?? GRACE_MS), options.signal);
  }

  async destroy(options: StopOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    await abortable(this.#destroyNow(options.graceMs ?? GRACE_MS), options.signal);
  }

  async exec(argv: readonly [string, ...string[]], options: ExecOptions = {}): Promise<ProcessHandle> {
    options.signal?.throwIfAborted();
    const environment = await this.#running((keeper) => keeper.environment(options));
    const handle = await spawnProcess(argv, {
      cwd: resolve(this.workspacePath, options.cwd ?? "."),
      environment: { ...environment, ...options.environment, [markerVariable]: this.#marker },
      stdin: options.stdin,
      terminal: options.terminal,
      timeoutMs: options.timeoutMs,
    });
    // A stop that began meanwhile has not seen the process.
    if (!(await exists(this.#directory)) || (await isStopped(this.#directory))) await handle.kill("SIGKILL");
    return handle;
  }

  async startAgent(launch: AgentLaunch, options: CallOptions = {}): Promise<AgentProcessStatus> {
    options.signal?.throwIfAborted();
    const isFirst = await this.#running(() => recordLaunch(this.#directory, launch.launchId));
    try {
      return await this.#running((keeper) => keeper.launch(launch, !isFirst, options));
    } catch (error) {
      const { agent } = await this.inspect();
      if (isFirst && agent.launchId !== launch.launchId) await forgetLaunch(this.#directory, launch.launchId);
      throw error;
    }
  }

  async agentTerminal(options: AgentTerminalOptions = {}): Promise<TerminalStream> {
    options.signal?.throwIfAborted();
    await this.#refuseMissing();
    const stream = await this.#askKeeper((keeper) => keeper.terminal(options));
    if (stream === undefined) {
      throw new AgentError({
        code: "agent.ended",
        message: "The agent's terminal is gone",
        why: "the process that kept it has died",
        fix: ["start the session again"],
      });
    }
    this.#streams.add(stream);
    void stream.ended.then(() => this.#streams.delete(stream));
    return stream;
  }

  async agentText(options: CallOptions & { readonly lines?: number | undefined } = {}): Promise<string> {
    options.signal?.throwIfAborted();
    await this.#refuseMissing();
    return (await this.#askKeeper((keeper) => keeper.text(options.lines ?? TEXT_LINES, options))) ?? "";
  }

  async agentExit(options: CallOptions = {}): Promise<AgentProcessStatus> {
    options.signal?.throwIfAborted();
    return (await this.#askKeeper((keeper) => keeper.exit(options))) ?? (await this.#lostAgent());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#streams].map((stream) => stream.close()));
  }

  /** What the keeper says; `undefined` when there is none (any more). */
  async #askKeeper<Value>(ask: (keeper: KeeperClient) => Promise<Value>): Promise<Value | undefined> {
    const keeper = await readKeeper(this.#directory);
    if (keeper === undefined) return undefined;
    try {
      return await ask(createKeeperClient(keeper.address));
    } catch (error) {
      if (error instanceof KeeperGoneError) return undefined;
      throw error;
    }
  }

  /** For what only a running sandbox can do. */
  async #running<Value>(ask: (keeper: KeeperClient) => Promise<Value>): Promise<Value> {
    await this.#refuseMissing();
    const stopped = await isStopped(this.#directory);
    const answer = stopped ? undefined : await this.#askKeeper(async (keeper) => ({ value: await ask(keeper) }));
    if (answer !== undefined) return answer.value;
    throw new SandboxError({
      code: "sandbox.not-running",
      message: `The sandbox ${this.name} is not running`,
      fix: ["start the session"],
      context: { sandboxId: this.sandboxId },
    });
  }

  async #refuseMissing(): Promise<void> {
    if (await exists(this.#directory)) return;
    throw new SandboxError({
      code: "sandbox.not-found",
      message: `The sandbox ${this.name} is gone`,
      fix: ["create the session anew"],
      context: { sandboxId: this.sandboxId },
    });
  }

  async #lostAgent(): Promise<AgentProcessStatus> {
    const launch = (await exists(this.#directory)) ? await lastLaunch(this.#directory) : undefined;
    return launch === undefined ? { state: "none" } : { state: "lost", ...launch };
  }

  #environment(environment: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    const { shape, record } = this.#options;
    return fakeEnvironment(shape, {
      directory: this.#directory,
      places: this.#places,
      spec: { environment, workspace: record.workspace },
    });
  }

  async #newKeeper(environment: Readonly<Record<string, string>>): Promise<void> {
    // What a keeper that died has left.
    await endMarkedProcesses(this.#marker, { graceMs: 0 });
    const before = await readKeeper(this.#directory);
    using keeper = await this.#options.startKeeper({
      directory: this.#directory,
      marker: this.#marker,
      workspacePath: this.workspacePath,
      environment,
    });
    if (await recordKeeper(this.#directory, (before?.number ?? 0) + 1, keeper.address)) keeper.release();
  }

  async #end(graceMs: number): Promise<void> {
    const agent = await this.#askKeeper(async (keeper) => {
      await keeper.suspend();
      return (await keeper.status()).agent;
    });
    const leaders = agent?.state === "running" && agent.processId !== undefined ? [agent.processId] : [];
    await endMarkedProcesses(this.#marker, { graceMs, leaders });
    // The keeper has seen the end, too.
    if (leaders.length > 0) await this.#askKeeper((keeper) => keeper.exit());
  }

  async #destroyNow(graceMs: number): Promise<void> {
    if (await exists(this.#directory)) {
      await setStopped(this.#directory, true);
      await this.#end(graceMs);
      await this.#askKeeper((keeper) => keeper.shutdown());
    }
    const remains = await this.#options.state.remains(this.sandboxId);
    for (const path of [this.#directory, ...remains]) {
      await rm(path, { recursive: true, force: true, maxRetries: 5 });
    }
  }
}

/** For a sandbox whose environment was lost with its keeper and whose caller gives no other. */
function baseEnvironment(): Readonly<Record<string, string>> {
  const names = ["PATH", "HOME", "LANG"];
  return Object.fromEntries(names.map((name) => [name, process.env[name] ?? ""]).filter(([, value]) => value !== ""));
}
