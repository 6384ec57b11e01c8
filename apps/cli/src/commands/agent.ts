import { AgentError, type Agent } from "@clauderon/core/contract";

import type { CommandContext } from "../command/command-context.ts";
import { defineCommand, type Command } from "../command/command.ts";
import { pickFields } from "../output/json.ts";
import { formatTable } from "../output/table.ts";
import { fixesFor } from "../strict-arguments.ts";

interface AgentRow {
  readonly agentId: string;
  readonly displayName: string;
  readonly isInstalled: boolean;
  readonly isDefault: boolean;
  readonly program: string | null;
  readonly version: string | null;
  readonly installHint: string;
}

export const agentListCommand: Command = defineCommand({
  meta: { name: "list", description: "List agents and whether they are found on your PATH." },
  args: {},
  jsonFields: ["agentId", "displayName", "isInstalled", "isDefault", "program", "version", "installHint"],
  examples: ["agent list", "agent list --json=agentId,isInstalled"],
  async run({ context }) {
    const { output, flags } = context;
    const rows = await agentRows(context);
    if (flags.isJson) {
      await output.json(rows.map((row) => pickFields(row, flags.jsonFields)));
      return 0;
    }
    if (flags.isQuiet) {
      await output.write(rows.map(({ agentId }) => `${agentId}\n`).join(""));
      return 0;
    }
    const lines = formatTable(
      ["AGENT", "INSTALLED", "VERSION", "PROGRAM OR HOW TO INSTALL"],
      rows.map((row) => [
        row.isDefault ? `${row.agentId} (default)` : row.agentId,
        row.isInstalled ? "yes" : "no",
        row.version ?? "-",
        row.program ?? row.installHint,
      ]),
      undefined,
    );
    await output.write(`${lines.join("\n")}\n`);
    return 0;
  },
});

export const agentTestCommand: Command = defineCommand({
  meta: { name: "test", description: "Check that an agent is found and tells its version." },
  args: { name: { type: "positional", description: "agent; default: the configured one" } },
  examples: ["agent test", "agent test codex"],
  async run({ args, context }) {
    const agents = await context.access.agents();
    const wanted = args.name ?? (await context.access.settings()).general.defaultAgent;
    const agent = agents.find(({ agentId }) => agentId === wanted);
    if (agent === undefined) {
      const known = agents.map(({ agentId }) => agentId);
      throw new AgentError({
        code: "agent.unknown",
        message: `There is no agent "${wanted}"`,
        fix: fixesFor(
          wanted,
          known,
          `choose one of: ${known.join(", ")}`,
          `or add it: clauderon config set agents.NAME.command '["program"]'`,
        ),
      });
    }
    const row = await agentRow(agent, wanted, context);
    if (!row.isInstalled) {
      throw new AgentError({ message: `${row.displayName} is not found on your PATH`, fix: [row.installHint] });
    }
    if (context.flags.isJson) await context.output.json(row);
    else await context.output.line(`${row.displayName} ${row.version ?? "(version unknown)"} at ${row.program}`);
    return 0;
  },
});

/** Every agent as found with the caller's environment: that is what sessions on this machine get. */
export async function agentRows(context: CommandContext): Promise<readonly AgentRow[]> {
  const { general } = await context.access.settings();
  const agents = await context.access.agents();
  return Promise.all(agents.map((agent) => agentRow(agent, general.defaultAgent, context)));
}

async function agentRow(agent: Agent, defaultAgent: string, context: CommandContext): Promise<AgentRow> {
  const found = await agent.find(context.environment, { signal: context.signal });
  return {
    agentId: agent.agentId,
    displayName: agent.displayName,
    isInstalled: found !== undefined,
    isDefault: agent.agentId === defaultAgent,
    program: found?.program ?? null,
    version: found?.version ?? null,
    installHint: agent.installHint,
  };
}
