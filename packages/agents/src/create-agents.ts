import { SettingsError, type Agent, type CommandRunner } from "@clauderon/core/contract";

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

/**
 * Every agent that sessions can run: Claude Code (the default), Codex, Gemini, and those of the configuration. Synchronous, without I/O. Throws
 * `settings.invalid` for a table that is neither of an agent known here nor has a command.
 */
export function createAgents({ runner, settings = {} }: CreateAgentsOptions): readonly Agent[] {
  const own = Object.entries(settings)
    .filter(([name]) => !Object.hasOwn(known, name))
    .map(([name, { command }]) => {
      if (command === undefined) throw noCommandError(name);
      return createCustomAgent(name, { runner, command });
    });
  return [...Object.entries(known).map(([name, make]) => make({ runner, settings: settings[name] ?? {} })), ...own];
}

function noCommandError(name: string): SettingsError {
  return new SettingsError({
    message: `[agents.${name}] has no command`,
    why: `${name} is none of the agents known here: ${Object.keys(known).join(", ")}`,
    fix: [
      `add one: clauderon config set agents.${name}.command '["${name}"]'`,
      `or correct the name in [agents.${name}]`,
    ],
    context: { agent: name },
  });
}
