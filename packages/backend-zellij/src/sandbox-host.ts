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

export interface HostedSandbox {
  readonly sandboxId: string;
  readonly name: string;
  readonly workspacePath: string;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * What keeps a sandbox's environment in memory and runs processes in it, outliving this process: the session host. Every process it starts
 * carries the sandbox's mark.
 */
export interface SandboxHost {
  /** Idempotent; replaces the environment. */
  open(sandbox: HostedSandbox): Promise<void>;
  /** `absent`: it does not know the sandbox (any more), or has itself ended. */
  state(sandboxId: string, options?: CallOptions): Promise<"running" | "stopped" | "absent">;
  exec(sandboxId: string, argv: readonly [string, ...string[]], options: ExecOptions): Promise<ProcessHandle>;
  /** Ends every process of the sandbox. */
  stop(sandboxId: string, options: StopOptions): Promise<void>;
  /** Forgets the sandbox; its processes have ended. */
  remove(sandboxId: string): Promise<void>;
  /** Agents without a terminal are the host's. */
  startAgent(sandboxId: string, launch: AgentLaunch, options?: CallOptions): Promise<AgentProcessStatus>;
  agentStatus(sandboxId: string, options?: CallOptions): Promise<AgentProcessStatus>;
  agentTerminal(sandboxId: string, options?: AgentTerminalOptions): Promise<TerminalStream>;
  /** All that is kept of its output. */
  agentText(sandboxId: string, options?: CallOptions): Promise<string>;
  agentExit(sandboxId: string, options?: CallOptions): Promise<AgentProcessStatus>;
  /** Idempotent. Frees the connection. */
  close(): Promise<void>;
}
