import type {
  AgentLaunch,
  AgentProcessStatus,
  AgentTerminalOptions,
  CallOptions,
  ExecOptions,
  ProcessHandle,
  StopOptions,
  TerminalStream,
} from "@clauderon/core/contract";

import { decode } from "./decode-host-message.ts";
import { HostLinks, type HostDoor, type HostResult } from "./host-links.ts";
import { HostProcessHandle } from "./host-process-handle.ts";
import { HostError, type HostInfo, type HostSandboxStatus } from "./host-protocol.ts";
import { HostTerminalStream } from "./host-terminal-stream.ts";
import type { OpenSandboxRequest, SessionHostClient } from "./session-host-client.ts";

const defaultGraceMs = 10_000;

/** What all hosts can be asked, in types of the contract. */
export class HostClient implements SessionHostClient {
  protected readonly links: HostLinks;
  readonly #instanceId: string;

  constructor(door: HostDoor, instanceId: string) {
    this.links = new HostLinks(door);
    this.#instanceId = instanceId;
  }

  async openSandbox({ signal, ...request }: OpenSandboxRequest): Promise<void> {
    const parameters = { ...request, instanceId: this.#instanceId };
    const result = await this.links.call("sandbox.open", parameters, { signal, startIfMissing: true });
    if (result === undefined) throw this.links.peer.missing();
  }

  async listSandboxes({ signal }: CallOptions = {}): Promise<readonly HostSandboxStatus[]> {
    const result = await this.links.call("sandbox.list", {}, { signal });
    const all = result === undefined ? [] : this.links.decoded(() => decode.sandboxes(result["sandboxes"]));
    return all.filter((sandbox) => sandbox.instanceId === this.#instanceId);
  }

  async inspectSandbox(sandboxId: string, { signal }: CallOptions = {}): Promise<HostSandboxStatus | undefined> {
    const result = await this.links.call("sandbox.inspect", { sandboxId }, { signal });
    const found = result?.["sandbox"] ?? undefined;
    const sandbox = found === undefined ? undefined : this.links.decoded(() => decode.sandbox(found));
    return sandbox?.instanceId === this.#instanceId && sandbox.sandboxId === sandboxId ? sandbox : undefined;
  }

  async startAgent(sandboxId: string, launch: AgentLaunch, { signal }: CallOptions = {}): Promise<AgentProcessStatus> {
    const result = await this.links.call("agent.start", { sandboxId, ...launch }, { signal });
    if (result === undefined) throw this.links.peer.missing();
    return this.#agentStatus(result);
  }

  async agentExit(sandboxId: string, { signal }: CallOptions = {}): Promise<AgentProcessStatus> {
    try {
      const result = await this.links.wait("agent.wait", { sandboxId }, signal);
      return result === undefined ? { state: "lost" } : this.#agentStatus(result);
    } catch (error) {
      if (error instanceof HostError && error.failure.code === "sandbox.not-found") return { state: "lost" };
      throw this.links.translated(error);
    }
  }

  async agentTerminal(
    sandboxId: string,
    { signal, ...options }: AgentTerminalOptions & { readonly isReplayOnly?: boolean | undefined } = {},
  ): Promise<TerminalStream> {
    return this.links.again(async () => {
      const link = await this.links.must(signal);
      const id = link.newId();
      const stream = new HostTerminalStream(link, id, sandboxId);
      const response = link.request("agent.attach", { sandboxId, ...options }, { id, handler: stream });
      await this.links.openStream({ link, id, signal }, response);
      return stream;
    });
  }

  async exec(
    sandboxId: string,
    argv: readonly [string, ...string[]],
    { signal, ...options }: ExecOptions = {},
  ): Promise<ProcessHandle> {
    const link = await this.links.must(signal);
    const id = link.newId();
    const handle = new HostProcessHandle(link, id, options.stdin === "pipe" || options.terminal !== undefined);
    await this.links.openStream(
      { link, id, signal },
      link.request("sandbox.exec", { sandboxId, argv, ...options }, { id, handler: handle }),
    );
    return handle;
  }

  async stopSandbox(sandboxId: string, { signal, graceMs }: StopOptions = {}): Promise<void> {
    if ((await this.inspectSandbox(sandboxId, { signal })) === undefined) return;
    const takesMs = graceMs ?? defaultGraceMs;
    const result = await this.links.call("sandbox.stop", { sandboxId, graceMs }, { signal, takesMs });
    const left = this.links.decoded(() => decode.processIds(result?.["left"] ?? []));
    if (left.length > 0) throw this.links.peer.leftOver(left);
  }

  async closeSandbox(sandboxId: string, { signal, graceMs }: StopOptions = {}): Promise<void> {
    if ((await this.inspectSandbox(sandboxId, { signal })) === undefined) return;
    await this.links.call("sandbox.close", { sandboxId, graceMs }, { signal, takesMs: graceMs ?? defaultGraceMs });
  }

  async info({ signal }: CallOptions = {}): Promise<HostInfo | undefined> {
    const result = await this.links.call("host.info", {}, { signal });
    return result === undefined ? undefined : this.links.decoded(() => decode.info(result));
  }

  close(): Promise<void> {
    return this.links.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #agentStatus(result: HostResult): AgentProcessStatus {
    const { state, launchId, processId, startedAtMs, exit } = this.links.decoded(() => decode.agent(result));
    return {
      state,
      launchId,
      processId,
      startedAt: startedAtMs === undefined ? undefined : new Date(startedAtMs),
      exit,
    };
  }
}
