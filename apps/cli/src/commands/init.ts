import { defineCommand, type Command } from "../command/command.ts";
import { initArguments } from "../session/init-arguments.ts";
import { initialise } from "../session/initialise.ts";

export const initCommand: Command = defineCommand({
  meta: {
    name: "init",
    description: "Write the first configuration: asks for what it does not say yet. Can be run again.",
  },
  args: initArguments,
  examples: ["init", "init --yes", "init --backend local --trust-worktrees"],
  notes: ["--yes takes the defaults: the backend is chosen per session, Claude Code asks about trust itself."],
  async run({ args, context }) {
    const written = await initialise(
      { backend: args.backend, isTrusted: args["trust-worktrees"] ? true : undefined },
      context,
    );
    const path = await context.access.settingsPath();
    if (context.flags.isJson) await context.output.json({ schemaVersion: 1, path, written });
    else if (written.length === 0) context.output.say(`Nothing to do: ${path} says it all`);
    for (const line of written) context.output.say(`Wrote ${line}`);
    context.output.hint('Next: clauderon create --prompt "…"');
    return 0;
  },
});
