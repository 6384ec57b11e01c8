import type {
  AgentLaunch,
  AgentProcessStatus,
  AgentTerminalOptions,
  CallOptions,
  ExecOptions,
  Logger,
  ProcessHandle,
  StopOptions,
  TerminalStream,
} from "@clauderon/core/contract";

import { HostClient } from "./host-client.ts";
import { ensureHostKey } from "./host-key.ts";
import type { HostDoor } from "./host-links.ts";
import { hostPaths } from "./host-paths.ts";
import { sessionHostPeer } from "./host-peer.ts";
import type { HostInfo, HostSandboxStatus } from "./host-protocol.ts";
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
  return new HostClient(doorOf(options), options.instanceId);
}

/** A client that is connected, when a host runs or may be started. */
export async function connectSessionHost(
  options: SessionHostOptions & { readonly startIfMissing: boolean },
): Promise<SessionHostClient> {
  const client = new SessionHost(doorOf(options), options.instanceId);
  await client.connect(options.startIfMissing);
  return client;
}

class SessionHost extends HostClient {
  async connect(startIfMissing: boolean): Promise<void> {
    await this.links.get(startIfMissing);
  }
}

function doorOf(options: SessionHostOptions): HostDoor {
  const { homeDirectory } = options;
  return {
    peer: sessionHostPeer,
    key: () => ensureHostKey(hostPaths(homeDirectory).key),
    async dial({ startIfMissing }) {
      const socket = await dialSessionHost(homeDirectory);
      return socket ?? (startIfMissing ? startSessionHost(options) : undefined);
    },
  };
}
