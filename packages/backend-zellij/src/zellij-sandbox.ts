import { resolve } from "node:path";

import type {
  AgentLaunch,
  AgentProcessStatus,
  AgentTerminalOptions,
  BackendContext,
  CallOptions,
  ExecOptions,
  ProcessHandle,
  Sandbox,
  SandboxStatus,
  StopOptions,
  TerminalStream,
} from "@clauderon/core/contract";
import { endMarkedProcesses } from "@clauderon/core/host";
import { DirectorySandbox } from "@clauderon/terminal";

import type { AgentWatch } from "./agent-watch.ts";
import { type KnownLaunch, Launches } from "./launches.ts";
import type { SandboxHost } from "./sandbox-host.ts";
import type { SandboxRecord, SandboxRecords } from "./sandbox-records.ts";
import { looksLikeServerOf } from "./server-process.ts";
import { viewArguments } from "./session-files.ts";
import { unlessAborted } from "./unless-aborted.ts";
import { ZellijAgent } from "./zellij-agent.ts";
import { ZellijCommand } from "./zellij-command.ts";
import { commandEnvironment, withoutPaneVariables, zellijPlaces } from "./zellij-environment.ts";
import { launchRunning, noLaunch, notRunning, sandboxGone } from "./zellij-errors.ts";
import type { ZellijGate } from "./zellij-gate.ts";
import { ZellijSession } from "./zellij-session.ts";
import { keptTerminal, openZellijTerminal } from "./zellij-terminal.ts";

const GRACE_MS = 10_000;
const HOST_GRACE_MS = 500;
const TEXT_LINES = 1000;
const DEFAULT_SIZE = { columns: 80, rows: 24 };

export interface ZellijSandboxOptions {
  readonly context: BackendContext;
  readonly record: SandboxRecord;
  readonly records: SandboxRecords;
  /** Absolute path of zellij. */
  readonly program: string;
  readonly host: SandboxHost;
  readonly watch: AgentWatch;
  readonly gate: ZellijGate;
}

/** A sandbox as found in its record, at the session host and in zellij; it remembers nothing itself. */
export class ZellijSandbox extends DirectorySandbox implements Sandbox {
  readonly #options: ZellijSandboxOptions;
  readonly #launches: Launches;
  readonly #streams = new Set<TerminalStream>();

  constructor(options: ZellijSandboxOptions) {
    const { record, records } = options;
    super("zellij", record);
    this.#options = options;
    this.#launches = new Launches(records.directory(record.sandboxId));
  }

  async inspect(options?: CallOptions): Promise<SandboxStatus> {
    options?.signal?.throwIfAborted();
    const { records, host } = this.#options;
    const egress = "open";
    const record = await records.read(this.sandboxId);
    if (record === undefined) return { state: "missing", agent: { state: "none" }, egress };
    const hostState = await host.state(this.sandboxId, options);
    const agent = await this.#agentStatus(options);
    const reason = agent.state === "lost" ? this.#lostReason() : undefined;
    if (hostState === "running") return { state: "running", agent, egress, reason };
    if (hostState === "stopped" || (await records.isStopped(this.sandboxId))) {
      return { state: "stopped", agent, egress, reason };
    }
    const gone = `the session host that kept its environment has ended; bring it back: clauderon start ${this.name}`;
    return { state: agent.state === "running" ? "running" : "failed", agent, egress, reason: gone };
  }

  async start(
    options: CallOptions & { readonly environment?: Readonly<Record<string, string>> | undefined } = {},
  ): Promise<void> {
    options.signal?.throwIfAborted();
    const { records, host } = this.#options;
    const record = await this.#record();
    const state = await host.state(this.sandboxId, options);
    if (state === "running" && options.environment === undefined) return;
    const environment = withoutPaneVariables(options.environment ?? process.env);
    const last = await this.#lastInTerminal();
    const owner = await this.#session(record).owner(last, options);
    const places = owner === "ours" ? record.places : zellijPlaces(environment, process.env);
    await records.write({ ...record, places });
    const { sandboxId, name, workspacePath } = this;
    await host.open({ sandboxId, name, workspacePath, environment });
    await records.setStopped(sandboxId, false);
  }

  async stop(options: StopOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    await unlessAborted(this.#stopNow(options.graceMs ?? GRACE_MS), options.signal);
  }

  async destroy(options: StopOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    await unlessAborted(this.#destroyNow(options.graceMs ?? GRACE_MS), options.signal);
  }

  async exec(argv: readonly [string, ...string[]], options: ExecOptions = {}): Promise<ProcessHandle> {
    options.signal?.throwIfAborted();
    await this.#running(options);
    const cwd = resolve(this.workspacePath, options.cwd ?? ".");
    return await this.#options.host.exec(this.sandboxId, argv, { ...options, cwd });
  }

  async startAgent(launch: AgentLaunch, options: CallOptions = {}): Promise<AgentProcessStatus> {
    options.signal?.throwIfAborted();
    const record = await this.#running(options);
    if (launch.mode === "terminal") {
      const status = await this.#options.host.agentStatus(this.sandboxId, options);
      if (status.state === "running") throw launchRunning(record);
      return await this.#agent(record).start(launch, options);
    }
    const last = await this.#launches.last();
    if (last !== undefined && last.launchId !== launch.launchId) {
      if ((await this.#statusOf(last, options)).state === "running") throw launchRunning(record);
      if (last.mode === "terminal") await this.#session(record).end(last);
    }
    const isFirst = await this.#launches.begin(launch, this.#options.context.clock.now());
    try {
      return await this.#options.host.startAgent(this.sandboxId, launch, options);
    } catch (error) {
      if (isFirst) await this.#launches.forget(launch.launchId);
      throw error;
    }
  }

  async agentTerminal(options: AgentTerminalOptions = {}): Promise<TerminalStream> {
    options.signal?.throwIfAborted();
    const record = await this.#record();
    const launch = await this.#launches.last();
    if (launch === undefined) throw noLaunch(record);
    if (launch.mode === "headless") return await this.#options.host.agentTerminal(this.sandboxId, options);
    const session = this.#session(record);
    const { program, context, gate } = this.#options;
    if ((await session.owner(launch, options)) !== "ours") {
      const status = await this.#statusOf(launch, options);
      return keptTerminal(await this.#launches.keptText(launch), status.exit);
    }
    const agent = this.#agent(record);
    const stream = await gate.command(() =>
      openZellijTerminal({
        program,
        args: viewArguments(record, launch, session.name),
        cwd: context.homeDirectory,
        environment: commandEnvironment(record.places, process.env),
        size: options.size ?? DEFAULT_SIZE,
        agentEnd: (signal) => agent.exit(launch, { signal }),
        isAgentRunning: () => agent.isRunning(launch),
        signal: options.signal,
        write: (portions) => session.write(launch, portions),
      }),
    );
    this.#streams.add(stream);
    void stream.ended.then(() => this.#streams.delete(stream));
    return stream;
  }

  async agentText(options: CallOptions & { readonly lines?: number | undefined } = {}): Promise<string> {
    options.signal?.throwIfAborted();
    const record = await this.#record();
    const launch = await this.#launches.last();
    if (launch === undefined) return "";
    const text =
      launch.mode === "headless"
        ? await this.#options.host.agentText(this.sandboxId, options)
        : ((await this.#session(record).text(launch, options)) ?? (await this.#launches.keptText(launch)));
    const lines = text.trimEnd().split("\n");
    return lines.slice(-(options.lines ?? TEXT_LINES)).join("\n");
  }

  async agentExit(options: CallOptions = {}): Promise<AgentProcessStatus> {
    options.signal?.throwIfAborted();
    const record = await this.#options.records.read(this.sandboxId);
    const launch = await this.#launches.last();
    if (launch === undefined || record === undefined) return { state: "none" };
    if (launch.mode === "headless") return await this.#options.host.agentExit(this.sandboxId, options);
    return await this.#agent(record).exit(launch, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#streams].map((stream) => stream.close()));
  }

  async #stopNow(graceMs: number): Promise<void> {
    const { records, host, context } = this.#options;
    const record = await records.read(this.sandboxId);
    if (record === undefined) return;
    await records.setStopped(this.sandboxId, true);
    const launch = await this.#lastInTerminal();
    const session = this.#session(record);
    const processes = launch?.marks.processes;
    const isOurs = (await session.owner(launch)) === "ours";
    const marker = `${context.instanceId}/${this.sandboxId}`;
    const leaders = isOurs && processes !== undefined ? [processes.wrapper] : [];
    // Spared, so that an agent that ends in order has its terminal till then. Without `/proc` it cannot be told in time, and ends with them.
    const isSpared = (processId: number): boolean =>
      process.platform === "linux" && looksLikeServerOf(processId, session.name);
    await endMarkedProcesses(marker, { leaders, isSpared, graceMs });
    if (launch !== undefined) await this.#keepText(launch, session);
    await session.end(launch);
    await host.stop(this.sandboxId, { graceMs: HOST_GRACE_MS });
    await endMarkedProcesses(marker, { isSpared, graceMs: 0 });
  }

  /** A zellij that does not tell what the terminal shows must not keep the session from its end. */
  async #keepText(launch: KnownLaunch, session: ZellijSession): Promise<void> {
    const { logger } = this.#options.context;
    try {
      const text = await session.text(launch);
      if (text !== undefined) await this.#launches.keepText(launch, text);
    } catch (error) {
      logger.warn({ session: session.name, error }, "what the terminal last showed could not be kept");
    }
  }

  async #destroyNow(graceMs: number): Promise<void> {
    await this.#stopNow(graceMs);
    await this.#options.host.remove(this.sandboxId);
    await this.#options.records.remove(this.sandboxId);
  }

  /** The record of a sandbox in which processes can be started. */
  async #running(options: CallOptions): Promise<SandboxRecord> {
    const record = await this.#record();
    const { host, records } = this.#options;
    const state = await host.state(this.sandboxId, options);
    if (state === "running" && !(await records.isStopped(this.sandboxId))) return record;
    throw notRunning(record, state === "absent" ? "the session host that kept its environment has ended" : undefined);
  }

  async #record(): Promise<SandboxRecord> {
    const record = await this.#options.records.read(this.sandboxId);
    if (record !== undefined) return record;
    throw sandboxGone(this.#options.record);
  }

  async #lastInTerminal(): Promise<KnownLaunch | undefined> {
    const launch = await this.#launches.last();
    return launch?.mode === "terminal" ? launch : undefined;
  }

  async #agentStatus(options?: CallOptions): Promise<AgentProcessStatus> {
    const launch = await this.#launches.last();
    return launch === undefined ? { state: "none" } : await this.#statusOf(launch, options);
  }

  async #statusOf(launch: KnownLaunch, options?: CallOptions): Promise<AgentProcessStatus> {
    if (launch.mode === "terminal") return await this.#agent(this.#options.record).status(launch);
    const { launchId } = launch;
    const status = await this.#options.host.agentStatus(this.sandboxId, options);
    return status.launchId === launchId ? status : { state: "lost", launchId };
  }

  #lostReason(): string {
    const session = this.#session(this.#options.record).name;
    return `the zellij session ${session} has ended without the agent's exit code: it was killed, or zellij died; bring it back: clauderon start ${this.name}`;
  }

  #agent(record: SandboxRecord): ZellijAgent {
    const { context, program, host, watch, gate } = this.#options;
    return new ZellijAgent({
      context,
      record,
      program,
      launches: this.#launches,
      session: this.#session(record),
      host,
      watch,
      gate,
    });
  }

  #session(record: SandboxRecord): ZellijSession {
    const { context, program, records, gate } = this.#options;
    const environment = commandEnvironment(record.places, process.env);
    const command = new ZellijCommand({ runner: context.runner, program, environment, gate });
    return new ZellijSession(record, command, records.directory(this.sandboxId));
  }
}
