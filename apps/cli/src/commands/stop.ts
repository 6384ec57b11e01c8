import { defineCommand, type Command } from "../command/command.ts";
import { forEachSession, selectSessions } from "../session/for-each-session.ts";
import { parseDuration } from "../values/duration.ts";

export const stopCommand: Command = defineCommand({
  meta: {
    name: "stop",
    description: "End the agent and every process of sessions; worktree, branch and conversation stay.",
  },
  args: {
    name: { type: "positional", repeatable: true, description: "sessions", completes: "sessions" },
    all: { type: "boolean", description: "all that run" },
    timeout: { type: "string", valueHint: "D", description: "time to end before it is killed; default 10s" },
  },
  examples: ["stop fix-login", "stop --all --timeout 2s"],
  async run({ args, context }) {
    const graceMs = args.timeout === undefined ? undefined : parseDuration("--timeout", args.timeout);
    const sessions = await selectSessions(
      { names: args.name, isAll: args.all, matches: ({ lifecycle }) => lifecycle === "running" },
      context,
    );
    const stopped: object[] = [];
    await forEachSession(sessions, context, async (session) => {
      stopped.push(await session.stop({ graceMs, signal: context.signal }));
      context.output.say(`Stopped ${session.name}`);
      context.output.hint(`Next: clauderon start ${session.name}`);
    });
    if (context.flags.isJson) await context.output.json(stopped);
    return 0;
  },
});
