import { defineCommand, type Command } from "../command/command.ts";
import { describeResult, resultJsonFields } from "../output/describe-result.ts";
import { pickFields } from "../output/json.ts";
import { noteSync } from "../session/note-sync.ts";
import { resolveSession } from "../session/resolve-session.ts";

export const applyCommand: Command = defineCommand({
  meta: {
    name: "apply",
    description:
      "Bring everything that a session has changed, committed or not, to your working tree, as changes that are not staged.",
  },
  args: { name: { type: "positional", description: "session", completes: "sessions" } },
  jsonFields: resultJsonFields,
  examples: ["apply fix-login", "apply fix-login --json=files"],
  notes: [
    "What clauderon diff shows is brought over: commits, staged, unstaged and untracked files; ignored files are not, nor nested repositories.",
    "No branch and no index changes; new files arrive untracked.",
    "Nothing is overwritten: conflicts, and files of yours that would be touched, are named before anything changes.",
    "Take it back with: clauderon undo",
  ],
  async run({ args, context }) {
    const session = await resolveSession(args.name, context);
    const result = await session.apply({ signal: context.signal });
    const { output, flags } = context;
    if (flags.isJson) await output.json(pickFields({ ...result }, flags.jsonFields));
    output.say(describeResult(result));
    await noteSync(session, context);
    return 0;
  },
});
