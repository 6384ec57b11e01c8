import { stat } from "node:fs/promises";

import {
  AgentError,
  SandboxError,
  type AgentLaunch,
  type AgentProcessStatus,
  type AgentTerminalOptions,
  type CallOptions,
  type ExecOptions,
  type ProcessHandle,
  type Sandbox,
  type SandboxStatus,
  type StopOptions,
  type TerminalStream,
} from "@clauderon/core/contract";
import { endMarkedProcesses, withoutSessionMarks } from "@clauderon/core/host";
import {
  DirectorySandbox,
  renderText,
  type HostSandboxStatus,
  type SandboxRecord,
  type SandboxRecords,
  type SessionHostClient,
} from "@clauderon/terminal";

export interface LocalSandboxParts {
  readonly instanceId: string;
  readonly record: SandboxRecord;
  readonly records: SandboxRecords;
  readonly client: SessionHostClient;
}

const defaultGraceMs = 10_000;
const defaultSize = { columns: 80, rows: 24 };

/** A handle of a sandbox whose processes live in the session host and whose existence is a record on disk. */
export function createLocalSandbox(parts: LocalSandboxParts): Sandbox {
  return new LocalSandbox(parts);
}

class LocalSandbox extends DirectorySandbox implements Sandbox {
  readonly #parts: LocalSandboxParts;

  constructor(parts: LocalSandboxParts) {
    super("local", parts.record);
    this.#parts = parts;
  }

  async inspect(options: CallOptions = {}): Promise<SandboxStatus> {
    const record = await this.#parts.records.read(this.sandboxId);
    if (record === undefined) return { state: "missing", agent: { state: "none" }, egress: "open" };
    const hosted = await this.#parts.client.inspectSandbox(this.sandboxId, options);
    const agent = agentOf(record, hosted);
    if (hosted !== undefined && hosted.state !== "stopped") return { state: "running", agent, egress: "open" };
    const isLost = hosted === undefined && record.state === "running";
    return {
      state: "stopped",
      agent,
      egress: "open",
      reason: isLost ? "the session host that ran it has ended" : undefined,
    };
  }

  async start({ environment, signal }: Parameters<Sandbox["start"]>[0] = {}): Promise<void> {
    const { client, records } = this.#parts;
    await this.#mustExist();
    if (!(await stat(this.workspacePath).catch(() => undefined))?.isDirectory()) {
      throw new SandboxError({
        message: `The workspace ${this.workspacePath} is not there`,
        fix: ["restore it, or delete the session"],
      });
    }
    const hosted = await client.inspectSandbox(this.sandboxId, { signal });
    if (hosted === undefined) await this.#endLeftovers(0);
    const chosen = environment ?? (hosted === undefined ? withoutSessionMarks(process.env) : undefined);
    await client.openSandbox({
      sandboxId: this.sandboxId,
      name: this.name,
      cwd: this.workspacePath,
      environment: chosen,
      signal,
    });
    await records.update(this.sandboxId, (record) => ({ ...record, state: "running" }));
  }

  async stop({ graceMs = defaultGraceMs, signal }: StopOptions = {}): Promise<void> {
    const { client, records } = this.#parts;
    if ((await records.read(this.sandboxId)) === undefined) return;
    await client.stopSandbox(this.sandboxId, { graceMs, signal });
    const hosted = await client.inspectSandbox(this.sandboxId, { signal });
    if (hosted === undefined) await this.#endLeftovers(graceMs);
    await records.update(this.sandboxId, (record) => ({ ...withExit(record, hosted), state: "stopped" }));
  }

  async destroy({ graceMs = defaultGraceMs, signal }: StopOptions = {}): Promise<void> {
    const { client, records } = this.#parts;
    await client.closeSandbox(this.sandboxId, { graceMs, signal });
    await this.#endLeftovers(graceMs);
    await records.remove(this.sandboxId);
  }

  async exec(argv: readonly [string, ...string[]], options?: ExecOptions): Promise<ProcessHandle> {
    await this.#mustRun(options);
    return this.#parts.client.exec(this.sandboxId, argv, options);
  }

  async startAgent(launch: AgentLaunch, options?: CallOptions): Promise<AgentProcessStatus> {
    const { client, records } = this.#parts;
    const [hosted, record, info] = await Promise.all([
      client.inspectSandbox(this.sandboxId, options),
      this.#mustExist(),
      client.info(options),
    ]);
    const host = `${info?.processId ?? 0}:${info?.startedAtMs ?? 0}`;
    const before = record.launches.find((known) => known.launchId === launch.launchId);
    if (before !== undefined && before.host !== host) {
      return {
        state: before.exit === undefined ? "lost" : "exited",
        launchId: before.launchId,
        startedAt: new Date(before.startedAtMs),
        exit: before.exit,
      };
    }
    if (before === undefined) {
      if (hosted?.state !== "running") await this.#mustRun(options);
      if (hosted?.agent.state !== "running")
        await records.update(this.sandboxId, (current) =>
          addLaunch(withExit(current, hosted), { launchId: launch.launchId, host, startedAtMs: Date.now() }),
        );
    }
    try {
      return await client.startAgent(this.sandboxId, launch, options);
    } catch (error) {
      // Only a start that was refused leaves no launch behind; what became of an abandoned one is not known.
      if (before === undefined && options?.signal?.aborted !== true) {
        await records.update(this.sandboxId, (current) => ({
          ...current,
          launches: current.launches.filter(({ launchId }) => launchId !== launch.launchId),
        }));
      }
      throw error;
    }
  }

  async agentTerminal(options?: AgentTerminalOptions): Promise<TerminalStream> {
    const hosted = await this.#parts.client.inspectSandbox(this.sandboxId, options);
    if (hosted === undefined || hosted.agent.state === "none") {
      await this.#mustExist();
      throw new AgentError({
        code: "agent.ended",
        message: `The agent of ${this.name} has no terminal: it was not started since the session host began`,
        fix: [`clauderon start ${this.name}`],
      });
    }
    return this.#parts.client.agentTerminal(this.sandboxId, options);
  }

  async agentText({ lines, signal }: CallOptions & { readonly lines?: number | undefined } = {}): Promise<string> {
    const hosted = await this.#parts.client.inspectSandbox(this.sandboxId, { signal });
    if (hosted === undefined || hosted.agent.state === "none") return "";
    await using stream = await this.#parts.client.agentTerminal(this.sandboxId, { isReplayOnly: true, signal });
    return await renderText(stream.output, {
      size: hosted.agent.size ?? defaultSize,
      lines,
      isPlain: hosted.agent.mode === "headless",
    });
  }

  async agentExit(options?: CallOptions): Promise<AgentProcessStatus> {
    const { client, records } = this.#parts;
    const record = await this.#mustExist();
    const hosted = await client.inspectSandbox(this.sandboxId, options);
    const observed = agentOf(record, hosted);
    if (observed.state !== "running") return observed;
    const ended = await client.agentExit(this.sandboxId, options);
    if (ended.state === "exited") {
      await records.update(this.sandboxId, (current) => withExit(current, { agent: { ...ended, state: "exited" } }));
      return ended;
    }
    return { ...observed, state: "lost" };
  }

  /** A handle owns nothing: its connection is the backend's. */
  async [Symbol.asyncDispose](): Promise<void> {}

  async #mustExist(): Promise<SandboxRecord> {
    const record = await this.#parts.records.read(this.sandboxId);
    if (record !== undefined) return record;
    throw new SandboxError({
      code: "sandbox.not-found",
      message: `The sandbox of ${this.name} is gone`,
      fix: ["create the session anew"],
    });
  }

  async #mustRun(options: CallOptions | undefined): Promise<void> {
    await this.#mustExist();
    const hosted = await this.#parts.client.inspectSandbox(this.sandboxId, { signal: options?.signal });
    if (hosted?.state === "running") return;
    throw new SandboxError({
      code: "sandbox.not-running",
      message: `The sandbox of ${this.name} is stopped`,
      fix: [`clauderon start ${this.name}`],
    });
  }

  /** Processes whose host is gone, found by their mark. */
  async #endLeftovers(graceMs: number): Promise<void> {
    const { left } = await endMarkedProcesses(`${this.#parts.instanceId}/${this.sandboxId}`, { graceMs });
    if (left.length > 0) {
      throw new SandboxError({
        message: `${left.length} processes of ${this.name} could not be ended`,
        fix: [`end them: kill -9 ${left.join(" ")}`],
      });
    }
  }
}

/** What the host says, or else what was remembered. */
function agentOf(record: SandboxRecord, hosted: HostSandboxStatus | undefined): AgentProcessStatus {
  if (hosted !== undefined && hosted.agent.state !== "none") {
    const { state, launchId, processId, startedAtMs, exit } = hosted.agent;
    return {
      state,
      launchId,
      processId,
      startedAt: startedAtMs === undefined ? undefined : new Date(startedAtMs),
      exit,
    };
  }
  const last = record.launches.at(-1);
  if (last === undefined) return { state: "none" };
  return {
    state: last.exit === undefined ? "lost" : "exited",
    launchId: last.launchId,
    startedAt: new Date(last.startedAtMs),
    exit: last.exit,
  };
}

function withExit(record: SandboxRecord, hosted: Pick<HostSandboxStatus, "agent"> | undefined): SandboxRecord {
  const { launchId, exit } = hosted?.agent ?? {};
  if (exit === undefined) return record;
  return {
    ...record,
    launches: record.launches.map((launch) => (launch.launchId === launchId ? { ...launch, exit } : launch)),
  };
}

function addLaunch(record: SandboxRecord, launch: SandboxRecord["launches"][number]): SandboxRecord {
  if (record.launches.some(({ launchId }) => launchId === launch.launchId)) return record;
  return { ...record, launches: [...record.launches, launch].slice(-100) };
}
