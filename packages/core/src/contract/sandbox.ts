import type { AgentReports, AgentReportsOptions } from "./agent-report.ts";
import type { CallOptions } from "./call-options.ts";
import type { Checkpoints } from "./checkpoint.ts";
import type { ExecOptions, ProcessExit, ProcessHandle, TerminalSize } from "./process.ts";
import type { SandboxFiles } from "./sandbox-files.ts";
import type { NetworkPolicy, SandboxId, SandboxParts } from "./sandbox-spec.ts";
import type { AgentTerminalOptions, TerminalStream } from "./terminal.ts";

/** As observed, never as remembered. */
export type SandboxState = "running" | "stopped" | "hibernated" | "missing" | "failed" | "unknown";

/** What the agent's process was last seen doing. */
export interface AgentProcessStatus {
  /** `none`: no launch yet. `lost`: it was started, and how it ended cannot be known (its keeper died). */
  readonly state: "none" | "running" | "exited" | "lost";
  readonly launchId?: string | undefined;
  readonly processId?: number | undefined;
  readonly startedAt?: Date | undefined;
  /** Set with `exited`. */
  readonly exit?: ProcessExit | undefined;
}

export interface SandboxStatus {
  readonly state: SandboxState;
  readonly agent: AgentProcessStatus;
  /** What the sandbox may reach, as observed: loopback only, the platform's probed rules, everything. */
  readonly egress: "sealed" | "policy" | "open";
  /** Why it failed or cannot be known, in plain words. */
  readonly reason?: string | undefined;
}

/** One start of the agent's program. */
export interface AgentLaunch {
  /** A UUID. The same id is never started twice in a sandbox, even after the first start has ended. */
  readonly launchId: string;
  /** Program and arguments, handed over as they are: no shell reads them. */
  readonly argv: readonly [string, ...string[]];
  /** Added to the sandbox's environment; wins over it. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** `terminal`: in the agent's terminal. `headless`: no terminal, no input, stdout and stderr apart. */
  readonly mode: "terminal" | "headless";
  /** Of the terminal until a viewer sets another; default 80 × 24. */
  readonly size?: TerminalSize | undefined;
}

export interface StopOptions extends CallOptions {
  /** Milliseconds between SIGTERM and SIGKILL; default 10,000. */
  readonly graceMs?: number | undefined;
}

/**
 * What a backend made for one session. A handle: disposing it frees connections, never the sandbox. Every method observes anew; two handles
 * of one sandbox, also in two processes, agree.
 */
export interface Sandbox extends AsyncDisposable {
  readonly sandboxId: SandboxId;
  readonly name: string;
  /** Where the workspace is inside the sandbox; on host backends the host's path. */
  readonly workspacePath: string;

  inspect(options?: CallOptions): Promise<SandboxStatus>;

  /** Idempotent: `exec` works afterwards. Starts no agent. `environment` replaces the one of creation; without it, that one counts where it is still in somebody's memory, else the sandbox has what its image gives. `guest` and `channel` replace those of creation, too. Rejects with `sandbox.not-found` when it is gone. */
  start(
    options?: CallOptions & SandboxParts & { readonly environment?: Readonly<Record<string, string>> | undefined },
  ): Promise<void>;
  /** Idempotent: no process of the sandbox lives afterwards; files stay. */
  stop(options?: StopOptions): Promise<void>;
  /** Idempotent, also when half of it is gone: stops, and removes all the backend made. The workspace's files on this machine stay: they are the caller's. */
  destroy(options?: StopOptions): Promise<void>;

  /** Resolves when the process runs or is known not to run (then `exit` tells 126 or 127). Rejects with `sandbox.not-running` when stopped. No shell. */
  exec(argv: readonly [string, ...string[]], options?: ExecOptions): Promise<ProcessHandle>;

  /** Idempotent by `launchId`. Rejects with `sandbox.not-running` when stopped, `session.wrong-state` while another launch runs, `command.not-found` when the program is missing. */
  startAgent(launch: AgentLaunch, options?: CallOptions): Promise<AgentProcessStatus>;
  /** A new connection to the agent's terminal; also after the agent's end, to read the last of it. Rejects with `agent.ended` when there was no launch; may reject with `sandbox.not-running` after `stop`. */
  agentTerminal(options?: AgentTerminalOptions): Promise<TerminalStream>;
  /** By what hooks of the agent tell that something happened: a program inside that takes a JSON object on its standard input, with the event's name in `hook_event_name`. Absent: there is no such way out. */
  readonly hookCommand?: readonly [string, ...string[]] | undefined;
  /** What hooks have told, as soon as there is something new; with `hookCommand`. Rejects with `sandbox.not-running` when stopped. */
  waitForReports?(options?: AgentReportsOptions): Promise<AgentReports>;
  /** The latest lines of what the terminal shows and showed, as plain text; also after the agent's end, until the next launch. Empty when there was no launch; may be empty after `stop`. */
  agentText(options?: CallOptions & { readonly lines?: number | undefined }): Promise<string>;
  /** Resolves at the agent's end, at once when it has ended already. */
  agentExit(options?: CallOptions): Promise<AgentProcessStatus>;

  readonly files: SandboxFiles;

  /** Replaces the network policy of a running sandbox. Needs the capability `networkPolicy`. */
  network(policy: NetworkPolicy, options?: CallOptions): Promise<void>;
  /** Needs the capability `hibernate`. Idempotent. */
  hibernate(options?: CallOptions): Promise<void>;
  /** Needs the capability `hibernate`. Idempotent. */
  wake(options?: CallOptions): Promise<void>;
  readonly checkpoints: Checkpoints;
  /** Recreates the sandbox from the newest image, workspace kept. Needs the capability `refresh`. */
  refresh(options?: CallOptions & { readonly image?: string | undefined }): Promise<void>;
  /** Needs the capability `usage`. */
  usage(options?: CallOptions): Promise<SandboxUsage>;
}

export interface SandboxUsage {
  readonly memoryBytes: number;
  /** Since the sandbox started. */
  readonly cpuMilliseconds: number;
  readonly processes: number;
}
