import { defineCommand, type Command } from "../command/command.ts";
import { callerEnvironment } from "../session/caller-environment.ts";
import { forEachSession, selectSessions } from "../session/for-each-session.ts";
import { parseDuration } from "../values/duration.ts";

export const restartCommand: Command = defineCommand({
  meta: { name: "restart", description: "Stop and start sessions; the agent resumes its conversation." },
  args: {
    name: { type: "positional", repeatable: true, description: "sessions", completes: "sessions" },
    all: { type: "boolean", description: "all that run" },
    timeout: { type: "string", valueHint: "D", description: "time to end before it is killed; default 10s" },
  },
  examples: ["restart fix-login", "restart --all"],
  async run({ args, context }) {
    const graceMs = args.timeout === undefined ? undefined : parseDuration("--timeout", args.timeout);
    const sessions = await selectSessions(
      { names: args.name, isAll: args.all, matches: ({ lifecycle }) => lifecycle === "running" },
      context,
    );
    const started: object[] = [];
    await forEachSession(sessions, context, async (session) => {
      await session.stop({ graceMs, signal: context.signal });
      const request = { callerEnvironment: callerEnvironment(context.environment), size: context.terminalSize() };
      started.push(await session.start(request, { signal: context.signal }));
      context.output.say(`Restarted ${session.name}`);
    });
    if (context.flags.isJson) await context.output.json(started);
    return 0;
  },
});
