export type { AgentSettings } from "./agent-options.ts";
export { createAgents, type CreateAgentsOptions } from "./create-agents.ts";
export { trustClaudeWorktrees } from "./trust-claude-worktrees.ts";
