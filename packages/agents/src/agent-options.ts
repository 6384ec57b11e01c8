import type { CommandRunner } from "@clauderon/core/contract";

/** What the configuration says of one agent (`[agents.NAME]`). */
export interface AgentSettings {
  /** Program and first arguments; of an agent known here they replace its program. */
  readonly command?: readonly [string, ...string[]] | undefined;
  /** The agent may take worktrees of clauderon for trusted folders. */
  readonly trustWorktrees?: boolean | undefined;
}

/** What each agent is made from. */
export interface AgentOptions {
  readonly runner: CommandRunner;
  readonly settings: AgentSettings;
  /** Whether agents on this machine run as root; default: as this process. */
  readonly isRoot?: boolean | undefined;
}
