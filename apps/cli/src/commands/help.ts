import { UsageError } from "@clauderon/core/contract";

import { commandTable } from "../command-table.ts";
import { defineCommand, type Command } from "../command/command.ts";
import { findCommand } from "../command/find-command.ts";
import { commandDescriptions } from "../output/command-descriptions.ts";
import { helpTopics } from "../output/help-topics.ts";
import { helpFor } from "../output/help.ts";

export const helpCommand: Command = defineCommand({
  meta: {
    name: "help",
    description: "Explain a command, or one of the topics exit-codes, environment, formatting, agents.",
  },
  args: {
    topic: {
      type: "positional",
      repeatable: true,
      description: "command or topic",
      completes: ["exit-codes", "environment", "formatting", "agents"],
    },
    all: { type: "boolean", description: "with --json: every command with its arguments and options" },
  },
  examples: ["help", "help --all --json", "help create", "help config set", "help exit-codes"],
  async run({ args, context }) {
    if (args.all !== context.flags.isJson || (args.all && args.topic.length > 0)) {
      throw new UsageError({
        message: "--all and --json go together, without a command",
        fix: ["every command for programs: clauderon help --all --json", "for people: clauderon help COMMAND"],
      });
    }
    if (args.all) {
      await context.output.json(await commandDescriptions(commandTable));
      return 0;
    }
    const [first] = args.topic;
    const topic =
      args.topic.length === 1 && first !== undefined && Object.hasOwn(helpTopics, first)
        ? helpTopics[first]
        : undefined;
    if (topic !== undefined) {
      await context.output.write(topic());
      return 0;
    }
    const found = findCommand(commandTable, args.topic);
    await context.output.write(await helpFor(found, context.output.style.stdout));
    return 0;
  },
});
