import { lstat, rm } from "node:fs/promises";

import {
  AgentError,
  ClauderonError,
  CommandError,
  SandboxError,
  unsupportedPowers,
  type AgentLaunch,
  type AgentProcessStatus,
  type AgentReports,
  type AgentReportsOptions,
  type AgentTerminalOptions,
  type CallOptions,
  type ExecOptions,
  type NetworkPolicy,
  type ProcessHandle,
  type Sandbox,
  type SandboxChannel,
  type SandboxFiles,
  type SandboxStatus,
  type StopOptions,
  type TerminalStream,
} from "@clauderon/core/contract";
import { guestReports, keepCarrier, renderText, type GuestClient, type HostSandboxStatus } from "@clauderon/terminal";

import { agentOf, withExit, withLaunch, withoutLaunch } from "./container/agent-record.ts";
import { bringUp, ownerOf } from "./container/bring-up.ts";
import { changeNetwork } from "./container/change-network.ts";
import { channelKind } from "./container/channel-kind.ts";
import { guestProgram, inside } from "./container/container-places.ts";
import { networkFor } from "./container/container-spec.ts";
import { backendId, sandboxGone, type DockerWorld } from "./container/docker-world.ts";
import { giveTree } from "./container/give-tree.ts";
import { sandboxStatus } from "./container/sandbox-status.ts";
import { workspaceFiles } from "./container/workspace-files.ts";
import type { ContainerStatus } from "./engine/engine-types.ts";

export interface DockerSandboxParts {
  readonly world: DockerWorld;
  readonly sandboxId: string;
  readonly name: string;
  /** The workspace on this machine. */
  readonly hostPath: string;
  readonly channel?: SandboxChannel | undefined;
}

const defaultGraceMs = 10_000;
/** The guest has ended everything by then: only what the engine's own `exec` started may be left. */
const containerGraceMs = 2000;
/** A guest that does not answer is not waited for longer by who only looks. */
const lookMs = 5000;
const defaultSize = { columns: 80, rows: 24 };

/** A handle of a container, whose guest runs everything in it. */
export class DockerSandbox implements Sandbox {
  readonly sandboxId: string;
  readonly name: string;
  readonly workspacePath: string = inside.workspace;
  readonly hookCommand: readonly [string, string] = [guestProgram, "hook"];
  readonly files: SandboxFiles;
  readonly hibernate: Sandbox["hibernate"];
  readonly wake: Sandbox["wake"];
  readonly checkpoints: Sandbox["checkpoints"];
  readonly refresh: Sandbox["refresh"];
  readonly usage: Sandbox["usage"];
  readonly #world: DockerWorld;
  readonly #hostPath: string;
  /** Brings the guest's end of the channel to the proxy, where no socket does. */
  #carriers: AsyncDisposable | undefined;
  #isDisposed = false;

  constructor({ world, sandboxId, name, hostPath, channel }: DockerSandboxParts) {
    this.#world = world;
    this.sandboxId = sandboxId;
    this.name = name;
    this.#hostPath = hostPath;
    this.files = workspaceFiles(hostPath);
    const powers = unsupportedPowers(backendId);
    this.hibernate = powers.hibernate;
    this.wake = powers.wake;
    this.checkpoints = powers.checkpoints;
    this.refresh = powers.refresh;
    this.usage = powers.usage;
    this.#bringCarriers(channel);
  }

  async inspect({ signal }: CallOptions = {}): Promise<SandboxStatus> {
    const [container, record] = await Promise.all([this.#find({ signal }), this.#world.records.read(this.sandboxId)]);
    if (container?.state !== "running") return sandboxStatus({ container, record });
    const limit = AbortSignal.timeout(lookMs);
    try {
      const client = await this.#client();
      const hosted = await client.inspectSandbox(this.sandboxId, {
        signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
      });
      return sandboxStatus({ container, record, hosted });
    } catch (error) {
      signal?.throwIfAborted();
      const why = limit.aborted ? "it does not answer" : error instanceof Error ? error.message : String(error);
      return { ...sandboxStatus({ container, record }), state: "unknown", reason: `the guest cannot be asked: ${why}` };
    }
  }

  async start({ channel, environment, signal }: Parameters<Sandbox["start"]>[0] = {}): Promise<void> {
    signal?.throwIfAborted();
    if ((await this.#find({ signal })) === undefined) throw sandboxGone(this.name);
    if (!(await lstat(this.#hostPath).catch(() => undefined))?.isDirectory()) {
      throw new SandboxError({
        message: `The workspace ${this.#hostPath} is not there`,
        fix: ["restore it, or delete the session"],
      });
    }
    await bringUp(this.#world, { sandboxId: this.sandboxId, name: this.name, environment, signal });
    await this.#world.records.update(this.sandboxId, (record) => ({ ...record, state: "running" }));
    this.#bringCarriers(channel);
  }

  async stop({ graceMs = defaultGraceMs, signal }: StopOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const container = await this.#find({ signal });
    if (container === undefined) return;
    await this.#end(container, { graceMs, signal });
    const owner = ownerOf(container);
    if (owner !== undefined) await giveTree(this.#hostPath, { uid: 0, gid: 0 });
    await this.#world.records.update(this.sandboxId, (record) => ({ ...record, state: "stopped" }));
  }

  async destroy({ graceMs = defaultGraceMs, signal }: StopOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const { sandboxId } = this;
    const container = await this.#find({ signal });
    if (container !== undefined) {
      await this.#end(container, { graceMs, signal });
      await this.#world.attempt(`The container of ${this.name} could not be removed`, (engine) =>
        engine.removeContainer(container.id, { signal }),
      );
      if (ownerOf(container) !== undefined) await giveTree(this.#hostPath, { uid: 0, gid: 0 });
    }
    await this.#world.forget(sandboxId);
    await rm(this.#world.places(sandboxId).directory, { recursive: true, force: true, maxRetries: 5 });
    await this.#world.records.remove(sandboxId);
  }

  exec(argv: readonly [string, ...string[]], options?: ExecOptions): Promise<ProcessHandle> {
    return this.#ask(options, (client) => client.exec(this.sandboxId, argv, options));
  }

  async startAgent(launch: AgentLaunch, options: CallOptions = {}): Promise<AgentProcessStatus> {
    const { records } = this.#world;
    const record = await records.read(this.sandboxId);
    return this.#ask(options, async (client) => {
      const [info, hosted] = await Promise.all([client.info(options), client.inspectSandbox(this.sandboxId, options)]);
      const host = String(info?.startedAtMs ?? 0);
      const before = record?.launches.find(({ launchId }) => launchId === launch.launchId);
      if (before !== undefined && before.host !== host) return agentOf({ launches: [before] }, undefined);
      if (before === undefined && hosted?.state === "running" && hosted.agent.state !== "running") {
        const made = { launchId: launch.launchId, host, startedAtMs: Date.now() };
        await records.update(this.sandboxId, (current) => withLaunch(withExit(current, hosted), made));
      }
      try {
        return await client.startAgent(this.sandboxId, launch, options);
      } catch (error) {
        // Only a start that was refused leaves no launch behind; what became of an abandoned one is not known.
        if (before === undefined && ClauderonError.isInstance(error) && options.signal?.aborted !== true)
          await records.update(this.sandboxId, (current) => withoutLaunch(current, launch.launchId));
        if (ClauderonError.isInstance(error, "command.not-found")) throw notInImage(launch.argv[0], error);
        throw error;
      }
    });
  }

  agentTerminal(options: AgentTerminalOptions = {}): Promise<TerminalStream> {
    return this.#ask(options, async (client) => {
      const hosted = await client.inspectSandbox(this.sandboxId, { signal: options.signal });
      if (hosted !== undefined && hosted.agent.state !== "none") return client.agentTerminal(this.sandboxId, options);
      if (hosted === undefined && (await this.#find(options)) === undefined) throw sandboxGone(this.name);
      throw new AgentError({
        code: "agent.ended",
        message: `The agent of ${this.name} has no terminal: it was not started since its container began`,
        fix: [`clauderon start ${this.name}`],
      });
    });
  }

  waitForReports(options?: AgentReportsOptions): Promise<AgentReports> {
    return this.#ask(options, (client) => guestReports(client, options));
  }

  async agentText({ lines, signal }: CallOptions & { readonly lines?: number | undefined } = {}): Promise<string> {
    return this.#ask({ signal }, async (client) => {
      const hosted = await client.inspectSandbox(this.sandboxId, { signal });
      if (hosted === undefined || hosted.agent.state === "none") return "";
      await using stream = await client.agentTerminal(this.sandboxId, { isReplayOnly: true, signal });
      const size = hosted.agent.size ?? defaultSize;
      return await renderText(stream.output, { size, lines, isPlain: hosted.agent.mode === "headless" });
    });
  }

  async agentExit({ signal }: CallOptions = {}): Promise<AgentProcessStatus> {
    signal?.throwIfAborted();
    const { records } = this.#world;
    const observed = (await this.inspect({ signal })).agent;
    if (observed.state !== "running") return observed;
    const ended = await this.#ask({ signal }, (client) => client.agentExit(this.sandboxId, { signal }));
    if (ended.state !== "exited") return { ...observed, state: "lost" };
    await records.update(this.sandboxId, (record) => withExit(record, { agent: { ...ended, state: "exited" } }));
    return ended;
  }

  /** Of the running sandbox; a stopped one is in it when it is started. */
  async network(policy: NetworkPolicy, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const container = await this.#find({ signal });
    if (container === undefined) throw sandboxGone(this.name);
    await this.#world.attempt(`The network of ${this.name} could not be changed`, (engine) =>
      changeNetwork(engine, { container, wanted: networkFor(policy) }, signal),
    );
  }

  /** Ends what the handle brings to the proxy; its other connections are the backend's. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    await this.#carriers?.[Symbol.asyncDispose]();
  }

  #bringCarriers(channel: SandboxChannel | undefined): void {
    const accept = channel?.accept?.bind(channel);
    if (channel === undefined || accept === undefined || this.#carriers !== undefined) return;
    const bring = async (): Promise<void> => {
      const { context, settings } = this.#world;
      if (channelKind(settings, (await this.#world.engine()).facts, channel) === "socket") return;
      const client = await this.#client();
      if (!this.#isDisposed) this.#carriers ??= keepCarrier({ client, accept, logger: context.logger });
    };
    bring().catch((error: unknown) =>
      this.#world.context.logger.warn({ sandboxId: this.sandboxId, error }, "the sandbox has no way to the proxy yet"),
    );
  }

  #find(options?: CallOptions): Promise<ContainerStatus | undefined> {
    return this.#world.find({ sandboxId: this.sandboxId, name: this.name }, options);
  }

  #client(): Promise<GuestClient> {
    return this.#world.client(this.sandboxId, this.name);
  }

  /** Asks the guest; when that fails, the engine says whether there is a sandbox at all. */
  async #ask<Value>(options: CallOptions | undefined, body: (client: GuestClient) => Promise<Value>): Promise<Value> {
    options?.signal?.throwIfAborted();
    try {
      return await body(await this.#client());
    } catch (error) {
      options?.signal?.throwIfAborted();
      const isUnclear =
        ClauderonError.isInstance(error, "sandbox.not-running") || ClauderonError.isInstance(error, "internal");
      if (isUnclear && (await this.#find(options)) === undefined) throw sandboxGone(this.name);
      throw error;
    }
  }

  /** All processes, then the container; how the agent ended is kept. */
  async #end(
    container: ContainerStatus,
    { graceMs, signal }: StopOptions & { readonly graceMs: number },
  ): Promise<void> {
    if (["exited", "created", "dead", "removing"].includes(container.state)) return;
    let ended: HostSandboxStatus | undefined;
    if (container.state === "running") {
      try {
        const client = await this.#client();
        await client.stopSandbox(this.sandboxId, { graceMs, signal });
        ended = await client.inspectSandbox(this.sandboxId, { signal });
      } catch (error) {
        signal?.throwIfAborted();
        // The container's end is everybody's end.
        this.#world.context.logger.warn({ sandboxId: this.sandboxId, error }, "the guest did not end its processes");
      }
    }
    await this.#world.records.update(this.sandboxId, (record) => withExit(record, ended));
    await this.#world.attempt(`The container of ${this.name} could not be stopped`, (engine) =>
      engine.stopContainer(container.id, { graceMs: Math.min(graceMs, containerGraceMs), signal }),
    );
  }
}

function notInImage(program: string, cause: unknown): CommandError {
  return new CommandError({
    code: "command.not-found",
    message: `The image has no program ${JSON.stringify(program)}`,
    fix: [
      "choose an image that has it: --image NAME:TAG, or docker.default_image in config.toml",
      `or add it to your image, by a line of its Dockerfile that installs ${program}`,
    ],
    context: { program },
    cause,
  });
}
