import type { CommandContext } from "../command/command-context.ts";
import { defineCommand, type Command } from "../command/command.ts";
import { forEachSession, selectSessions } from "../session/for-each-session.ts";

export const archiveCommand: Command = defineCommand({
  meta: {
    name: "archive",
    description: "End the agent and put worktree and sandbox away; unarchive brings everything back as it was.",
  },
  args: {
    name: { type: "positional", repeatable: true, description: "sessions", completes: "sessions" },
  },
  examples: ["archive fix-login", "archive fix-login review"],
  notes: [
    "Uncommitted, untracked and ignored files, index, refs and conversation are kept as long as the session is; its branch stays, its name stays taken.",
    "Archived sessions are left out of list; with --archived it shows them.",
  ],
  async run({ args, context }) {
    const archived: object[] = [];
    await forEachSession(await named(args.name, context), context, async (session) => {
      archived.push(await session.archive({ signal: context.signal }));
      context.output.say(`Archived ${session.name}`);
      context.output.hint(`Back: clauderon unarchive ${session.name}`);
    });
    if (context.flags.isJson) await context.output.json(archived);
    return 0;
  },
});

export const unarchiveCommand: Command = defineCommand({
  meta: { name: "unarchive", description: "Bring archived sessions back, stopped, with all their files." },
  args: {
    name: { type: "positional", repeatable: true, description: "archived sessions", completes: "sessions" },
    repository: { type: "string", valueHint: "PATH", description: "where the repository is now, when it was moved" },
  },
  examples: ["unarchive fix-login", "unarchive fix-login --repository ~/moved/project"],
  notes: ["Nothing is overwritten: what is in the way is named, and the session stays archived."],
  async run({ args, context }) {
    const { signal } = context;
    const request = args.repository === undefined ? {} : { repository: args.repository };
    const restored: object[] = [];
    await forEachSession(await named(args.name, context), context, async (session) => {
      restored.push(await session.unarchive(request, { signal }));
      context.output.say(`Brought back ${session.name}`);
      context.output.hint(`Next: clauderon start ${session.name}`);
    });
    if (context.flags.isJson) await context.output.json(restored);
    return 0;
  },
});

function named(names: readonly string[], context: CommandContext): ReturnType<typeof selectSessions> {
  return selectSessions({ names, isAll: false, matches: () => false }, context);
}
