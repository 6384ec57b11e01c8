import { UsageError } from "@clauderon/core/contract";

import { defineCommand, type Command } from "../command/command.ts";
import { describeResult, resultJsonFields } from "../output/describe-result.ts";
import { pickFields } from "../output/json.ts";
import { noteSync } from "../session/note-sync.ts";
import { resolveSession } from "../session/resolve-session.ts";

export const mergeCommand: Command = defineCommand({
  meta: {
    name: "merge",
    description: "Merge a session's commits into the branch that it was made from, or another.",
  },
  args: {
    name: { type: "positional", description: "session", completes: "sessions" },
    squash: { type: "boolean", description: "as one commit" },
    "no-ff": { type: "boolean", description: "with a merge commit, also where the branch could move forward" },
    into: { type: "string", valueHint: "BRANCH", description: "default: the branch checked out in the repository" },
    message: { type: "string", alias: "m", valueHint: "TEXT", description: "message of the commit that is made" },
    "committed-only": { type: "boolean", description: "leave work that is not committed in the session" },
  },
  jsonFields: resultJsonFields,
  examples: ["merge fix-login", "merge fix-login --squash -m 'Fix the login'", "merge fix-login --into release"],
  notes: [
    "Nothing is overwritten or forced: conflicts, and files of yours that would be touched, are named before anything changes.",
    "The commit is made as you: your name, your signing, your merge drivers and filters. Hooks do not run.",
    "Take it back with: clauderon undo",
  ],
  async run({ args, context }) {
    if (args.squash && args["no-ff"])
      throw new UsageError({ message: "--squash and --no-ff exclude each other", fix: ["keep one of them"] });
    if (args.message === "")
      throw new UsageError({ message: "--message is empty", fix: ["give a text, or leave it out"] });
    if (args.into === "") throw new UsageError({ message: "--into is empty", fix: ["name a branch, or leave it out"] });
    const session = await resolveSession(args.name, context);
    const request = {
      how: args.squash ? "squash" : args["no-ff"] ? "no-ff" : undefined,
      into: args.into,
      message: args.message,
      isCommittedOnly: args["committed-only"] ? true : undefined,
    } as const;
    const result = await session.merge(request, { signal: context.signal });
    const { output, flags } = context;
    if (flags.isJson) await output.json(pickFields({ ...result }, flags.jsonFields));
    output.say(describeResult(result));
    await noteSync(session, context);
    return 0;
  },
});
