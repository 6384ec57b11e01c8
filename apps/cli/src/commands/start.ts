import { defineCommand, type Command } from "../command/command.ts";
import { callerEnvironment } from "../session/caller-environment.ts";
import { forEachSession, selectSessions } from "../session/for-each-session.ts";
import { readEnvironmentOptions } from "../values/environment-options.ts";

export const startCommand: Command = defineCommand({
  meta: {
    name: "start",
    description: "Start stopped or failed sessions again; the agent resumes its conversation.",
  },
  args: {
    name: { type: "positional", repeatable: true, description: "sessions", completes: "sessions" },
    all: { type: "boolean", description: "all that are stopped" },
    env: {
      type: "string",
      alias: "e",
      valueHint: "K=V",
      repeatable: true,
      description: "add to the agent's environment",
    },
    "env-file": { type: "string", valueHint: "FILE", description: "add the variables of a file" },
  },
  examples: ["start fix-login", "start --all"],
  async run({ args, context }) {
    const environment = await readEnvironmentOptions({ pairs: args.env, file: args["env-file"] }, context);
    const sessions = await selectSessions(
      { names: args.name, isAll: args.all, matches: ({ lifecycle }) => lifecycle === "stopped" },
      context,
    );
    const started: object[] = [];
    await forEachSession(sessions, context, async (session) => {
      const detail = await session.start(
        {
          callerEnvironment: callerEnvironment(context.environment),
          environment,
          size: context.terminalSize(),
        },
        { signal: context.signal },
      );
      started.push(detail);
      context.output.say(`Started ${session.name}`);
    });
    if (context.flags.isJson) await context.output.json(started);
    return 0;
  },
});
