import { setTimeout as delay } from "node:timers/promises";

import {
  errorFromJson,
  errorTable,
  InternalError,
  OperationError,
  SandboxError,
  type AgentLaunch,
  type AgentProcessStatus,
  type AgentTerminalOptions,
  type CallOptions,
  type ErrorCode,
  type ExecOptions,
  type Logger,
  type ProcessHandle,
  type StopOptions,
  type TerminalStream,
} from "@clauderon/core/contract";

import { decode } from "./decode-host-message.ts";
import { isErrorCode } from "./host-error-code.ts";
import { ensureHostKey } from "./host-key.ts";
import { HostLink, HostLinkClosedError } from "./host-link.ts";
import { hostPaths } from "./host-paths.ts";
import { HostProcessHandle } from "./host-process-handle.ts";
import { HostError, type HostInfo, type HostSandboxStatus } from "./host-protocol.ts";
import { HostTerminalStream } from "./host-terminal-stream.ts";
import { dialSessionHost, startSessionHost } from "./start-session-host.ts";

export interface SessionHostOptions {
  readonly homeDirectory: string;
  /** Only sandboxes of this instance are seen. */
  readonly instanceId: string;
  readonly logger?: Logger | undefined;
  /** Path of the session host's program; default: the one of this package. */
  readonly program?: string | undefined;
  /** Milliseconds without sandboxes and clients after which a host that is started ends; default 30,000. */
  readonly idleMs?: number | undefined;
}

/** What a sandbox in the host is made of. */
export interface OpenSandboxRequest extends CallOptions {
  readonly sandboxId: string;
  readonly name: string;
  readonly cwd: string;
  /** Absent: a sandbox that the host knows keeps the one it has; an unknown one is refused. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

/** A home's session host, as its clients see it. Connects when it must, and again after the host was replaced. */
export interface SessionHostClient extends AsyncDisposable {
  /** Idempotent; starts the host when none runs. */
  openSandbox(request: OpenSandboxRequest): Promise<void>;
  /** Empty when no host runs. */
  listSandboxes(options?: CallOptions): Promise<readonly HostSandboxStatus[]>;
  /** `undefined` when the host does not know it, or no host runs. */
  inspectSandbox(sandboxId: string, options?: CallOptions): Promise<HostSandboxStatus | undefined>;
  startAgent(sandboxId: string, launch: AgentLaunch, options?: CallOptions): Promise<AgentProcessStatus>;
  /** State `lost` when the host ended first, `none` when it knows of no launch. */
  agentExit(sandboxId: string, options?: CallOptions): Promise<AgentProcessStatus>;
  /** With `isReplayOnly` the stream ends after what is kept. */
  agentTerminal(
    sandboxId: string,
    options?: AgentTerminalOptions & { readonly isReplayOnly?: boolean | undefined },
  ): Promise<TerminalStream>;
  exec(sandboxId: string, argv: readonly [string, ...string[]], options?: ExecOptions): Promise<ProcessHandle>;
  /** Ends every process of the sandbox; nothing happens when the host does not know it. Rejects when one could not be ended. */
  stopSandbox(sandboxId: string, options?: StopOptions): Promise<void>;
  /** Stops, and forgets it. */
  closeSandbox(sandboxId: string, options?: StopOptions): Promise<void>;
  /** `undefined` when no host runs. */
  info(options?: CallOptions): Promise<HostInfo | undefined>;
  /** Idempotent: frees the connection; everything in the host goes on. */
  close(): Promise<void>;
}

/** A client of the home's session host. Nothing happens before its first call. */
export function createSessionHostClient(options: SessionHostOptions): SessionHostClient {
  return new HostClient(options);
}

/** A client that is connected, when a host runs or may be started. */
export async function connectSessionHost(
  options: SessionHostOptions & { readonly startIfMissing: boolean },
): Promise<SessionHostClient> {
  const client = new HostClient(options);
  await client.connect(options.startIfMissing);
  return client;
}

const dialMs = 5000;

type Result = Readonly<Record<string, unknown>>;

class HostClient implements SessionHostClient {
  readonly #options: SessionHostOptions;
  #link: HostLink | undefined;
  #connecting: Promise<HostLink | undefined> | undefined;
  #isClosed = false;

  constructor(options: SessionHostOptions) {
    this.#options = options;
  }

  async connect(startIfMissing: boolean): Promise<HostLink | undefined> {
    if (this.#isClosed) throw new InternalError(new Error("the session host's client is closed"));
    if (this.#link !== undefined && !this.#link.isClosed) return this.#link;
    const connecting = this.#connecting;
    if (connecting !== undefined) {
      const link = await connecting.catch(() => undefined);
      return link ?? this.connect(startIfMissing);
    }
    this.#connecting = this.#dial(startIfMissing);
    try {
      this.#link = await this.#connecting;
      return this.#link;
    } finally {
      this.#connecting = undefined;
    }
  }

  async openSandbox({ signal, ...request }: OpenSandboxRequest): Promise<void> {
    await waitFor(this.#call("sandbox.open", { ...request, instanceId: this.#options.instanceId }, true), signal);
  }

  async listSandboxes({ signal }: CallOptions = {}): Promise<readonly HostSandboxStatus[]> {
    const result = await waitFor(this.#call("sandbox.list", {}), signal);
    const all = result === undefined ? [] : decoded(() => decode.sandboxes(result["sandboxes"]));
    return all.filter((sandbox) => sandbox.instanceId === this.#options.instanceId);
  }

  async inspectSandbox(sandboxId: string, { signal }: CallOptions = {}): Promise<HostSandboxStatus | undefined> {
    const result = await waitFor(this.#call("sandbox.inspect", { sandboxId }), signal);
    const found = result?.["sandbox"] ?? undefined;
    const sandbox = found === undefined ? undefined : decoded(() => decode.sandbox(found));
    return sandbox?.instanceId === this.#options.instanceId ? sandbox : undefined;
  }

  async startAgent(sandboxId: string, launch: AgentLaunch, { signal }: CallOptions = {}): Promise<AgentProcessStatus> {
    const result = await waitFor(this.#call("agent.start", { sandboxId, ...launch }), signal);
    if (result === undefined) throw hostMissing();
    return agentStatus(result);
  }

  async agentExit(sandboxId: string, { signal }: CallOptions = {}): Promise<AgentProcessStatus> {
    for (;;) {
      signal?.throwIfAborted();
      const link = await this.#existingLink();
      if (link === undefined) return { state: "lost" };
      const id = link.newId();
      const cancel = (): void => link.cancel(id);
      try {
        return agentStatus(
          await waitFor(link.request("agent.wait", { sandboxId }, { id, handler: ignoreFrames }), signal, cancel),
        );
      } catch (error) {
        // The connection broke, not the wait: ask again, if there is still somebody to ask.
        if (error instanceof HostLinkClosedError) continue;
        if (error instanceof HostError && error.failure.code === "sandbox.not-found") return { state: "lost" };
        throw translated(error);
      } finally {
        link.forget(id);
      }
    }
  }

  async agentTerminal(
    sandboxId: string,
    { signal, ...options }: AgentTerminalOptions & { readonly isReplayOnly?: boolean | undefined } = {},
  ): Promise<TerminalStream> {
    const link = await this.#mustLink();
    const id = link.newId();
    const stream = new HostTerminalStream(link, id, sandboxId);
    await this.#openStream(
      { link, id, signal },
      link.request("agent.attach", { sandboxId, ...options }, { id, handler: stream }),
    );
    return stream;
  }

  async exec(
    sandboxId: string,
    argv: readonly [string, ...string[]],
    { signal, ...options }: ExecOptions = {},
  ): Promise<ProcessHandle> {
    const link = await this.#mustLink();
    const id = link.newId();
    const handle = new HostProcessHandle(link, id, options.stdin === "pipe" || options.terminal !== undefined);
    await this.#openStream(
      { link, id, signal },
      link.request("sandbox.exec", { sandboxId, argv, ...options }, { id, handler: handle }),
    );
    return handle;
  }

  async stopSandbox(sandboxId: string, { signal, graceMs }: StopOptions = {}): Promise<void> {
    if ((await this.inspectSandbox(sandboxId, { signal })) === undefined) return;
    const result = await waitFor(this.#call("sandbox.stop", { sandboxId, graceMs }), signal);
    const left = decoded(() => decode.processIds(result?.["left"] ?? []));
    if (left.length > 0) throw leftOver(left);
  }

  async closeSandbox(sandboxId: string, { signal, graceMs }: StopOptions = {}): Promise<void> {
    if ((await this.inspectSandbox(sandboxId, { signal })) === undefined) return;
    await waitFor(this.#call("sandbox.close", { sandboxId, graceMs }), signal);
  }

  async info({ signal }: CallOptions = {}): Promise<HostInfo | undefined> {
    const result = await waitFor(this.#call("host.info", {}), signal);
    return result === undefined ? undefined : decoded(() => decode.info(result));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const connecting = await this.#connecting?.catch(() => undefined);
    connecting?.close();
    this.#link?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #dial(startIfMissing: boolean): Promise<HostLink | undefined> {
    const { homeDirectory } = this.#options;
    const deadline = performance.now() + dialMs;
    for (;;) {
      try {
        const socket =
          (await dialSessionHost(homeDirectory)) ??
          (startIfMissing ? await startSessionHost(this.#options) : undefined);
        if (socket === undefined) return undefined;
        return await HostLink.open(socket, ensureHostKey(hostPaths(homeDirectory).key));
      } catch (error) {
        const isLeaving = error instanceof HostLinkClosedError || isErrorCode(error, "ECONNRESET", "EPIPE");
        if (!isLeaving || performance.now() > deadline) throw translated(error);
        // The host ended while it was greeted; the next try finds out whether there is another.
        await delay(10);
      }
    }
  }

  /** `undefined` when no host runs. */
  async #existingLink(): Promise<HostLink | undefined> {
    return this.connect(false);
  }

  async #mustLink(): Promise<HostLink> {
    const link = await this.#existingLink();
    if (link === undefined) throw hostMissing();
    return link;
  }

  async #call(method: string, parameters: Result, startIfMissing = false): Promise<Result | undefined> {
    const link = startIfMissing ? await this.connect(true) : await this.#existingLink();
    if (link === undefined) return undefined;
    try {
      return await link.request(method, parameters);
    } catch (error) {
      if (error instanceof HostLinkClosedError && !startIfMissing) return undefined;
      throw translated(error);
    }
  }

  async #openStream(
    stream: { readonly link: HostLink; readonly id: number; readonly signal: AbortSignal | undefined },
    response: Promise<Result>,
  ): Promise<void> {
    try {
      await waitFor(response, stream.signal, () => stream.link.cancel(stream.id));
    } catch (error) {
      stream.link.forget(stream.id);
      throw translated(error);
    }
  }
}

const ignoreFrames = { frame: () => undefined, closed: () => undefined };

/** What a host answered, or the error that says it cannot be read. */
function decoded<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw translated(error);
  }
}

function agentStatus(result: Result): AgentProcessStatus {
  const { state, launchId, processId, startedAtMs, exit } = decoded(() => decode.agent(result));
  return { state, launchId, processId, startedAt: startedAtMs === undefined ? undefined : new Date(startedAtMs), exit };
}

/** Stops waiting at the signal; what was waited for goes on, unless `abandon` ends it. */
function waitFor<Value>(
  promise: Promise<Value>,
  signal: AbortSignal | undefined,
  abandon?: () => void,
): Promise<Value> {
  if (signal === undefined) return promise;
  promise.catch(() => undefined);
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      abandon?.();
      reject(signal.reason as Error);
    };
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

function translated(error: unknown): unknown {
  if (error instanceof HostError) {
    const { code } = error.failure;
    return errorFromJson({
      ...error.failure,
      code: code in errorTable ? (code as ErrorCode) : "internal",
      retryable: false,
    });
  }
  if (error instanceof HostLinkClosedError) {
    return new OperationError({
      message: "The session host ended while it was asked",
      fix: ["try again"],
      cause: error,
    });
  }
  return error;
}

function hostMissing(): SandboxError {
  return new SandboxError({
    code: "sandbox.not-running",
    message: "The sandbox does not run: its session host has ended",
    fix: ["start the session again: clauderon start NAME"],
  });
}

function leftOver(left: readonly number[]): SandboxError {
  return new SandboxError({
    message: `${left.length} processes could not be ended`,
    fix: [`end them: kill -9 ${left.join(" ")}`],
    context: { processIds: left },
  });
}
