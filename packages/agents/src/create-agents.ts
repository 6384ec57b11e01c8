import type { Agent, CommandRunner } from "@clauderon/core/contract";

import type { AgentOptions, AgentSettings } from "./agent-options.ts";
import { createClaude } from "./claude.ts";
import { createCodex } from "./codex.ts";
import { createCustomAgent } from "./custom.ts";
import { createGemini } from "./gemini.ts";

export interface CreateAgentsOptions {
  readonly runner: CommandRunner;
  /** The tables `[agents.NAME]` by name. A name that is not known here is an agent of the user's own and needs a `command`. */
  readonly settings?: Readonly<Record<string, AgentSettings>> | undefined;
}

const known: Readonly<Record<string, (options: AgentOptions) => Agent>> = {
  claude: createClaude,
  codex: createCodex,
  gemini: createGemini,
};

/** Every agent that sessions can run: Claude Code (the default), Codex, Gemini, and those of the configuration. Synchronous, without I/O. */
export function createAgents({ runner, settings = {} }: CreateAgentsOptions): readonly Agent[] {
  const own = Object.entries(settings).flatMap(([name, table]) =>
    Object.hasOwn(known, name) || table.command === undefined
      ? []
      : [createCustomAgent(name, { runner, command: table.command })],
  );
  return [...Object.entries(known).map(([name, make]) => make({ runner, settings: settings[name] ?? {} })), ...own];
}
