import type { Isolation } from "./backend-capabilities.ts";
import type { CallOptions } from "./call-options.ts";

/** How freely the agent may act without asking. */
export type PermissionMode = "ask" | "edits" | "auto" | "bypass";

/** What the user asked of an agent; persisted with the session. */
export interface AgentRequest {
  readonly prompt?: string | undefined;
  readonly model?: string | undefined;
  /** The agent plans and asks before it changes anything. */
  readonly isPlanMode: boolean;
  readonly permissionMode: PermissionMode;
  /** Runs the prompt without a terminal and ends. */
  readonly isHeadless: boolean;
  /** Id of another session's conversation: this one begins as a copy of it, as it is then, where the agent can; a notice says when not. */
  readonly forkOf?: string | undefined;
}

export interface AgentPlanRequest extends AgentRequest {
  readonly sessionName: string;
  /** Chosen by us when the session was made; agents that take no id of ours report theirs in the plan. */
  readonly conversationId: string;
  /** Continue the conversation and do not send the prompt again. */
  readonly isResume: boolean;
  /** Where the workspace is, as the agent sees it. */
  readonly workspacePath: string;
  /** A directory of the session, outside the workspace, for files the agent's flags name; 0700, made by the caller. */
  readonly sessionDirectory: string;
  /** The environment the agent will have (PATH and HOME are read from it). */
  readonly environment: Readonly<Record<string, string>>;
  readonly isolation: Isolation;
  /** What the agent's hooks are to run, as `Sandbox.hookCommand`; absent: none are set up. */
  readonly hookCommand?: readonly [string, ...string[]] | undefined;
}

/** What to run. */
export interface AgentPlan {
  readonly argv: readonly [string, ...string[]];
  /** Added to the sandbox's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Files to be written first, whole, 0600; absolute paths inside `sessionDirectory`. */
  readonly files: readonly { readonly path: string; readonly content: string }[];
  /** Things the user should know, a sentence each. */
  readonly notices: readonly string[];
  /** The agent's own id of the conversation that is resumed or begun, where it is known: to be kept with the session when it is another than the one asked for. */
  readonly conversationId?: string | undefined;
}

/** One kind of agent: how it is found, started and resumed. */
export interface Agent {
  /** `[a-z][a-z0-9-]*`: `claude`, `codex`. */
  readonly agentId: string;
  readonly displayName: string;
  /** One command or sentence. */
  readonly installHint: string;
  /** Absolute path and version as found on the environment's PATH; `undefined` when it is not installed. */
  find(
    environment: Readonly<Record<string, string>>,
    options?: CallOptions,
  ): Promise<{ readonly program: string; readonly version?: string | undefined } | undefined>;
  /**
   * Pure but for looking at the agent's own files to see whether the conversation exists. Rejects with `agent.not-found`. With `isResume` and no
   * conversation to resume it plans a fresh start of the same conversation, with the prompt.
   */
  plan(request: AgentPlanRequest, options?: CallOptions): Promise<AgentPlan>;
}
