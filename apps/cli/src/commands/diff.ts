import { UsageError } from "@clauderon/core/contract";

import { defineCommand, type Command } from "../command/command.ts";
import { printableLines } from "../output/printable.ts";
import { noteSync } from "../session/note-sync.ts";
import { resolveSession } from "../session/resolve-session.ts";

export const diffCommand: Command = defineCommand({
  meta: {
    name: "diff",
    description: "Show everything a session has changed since it began: commits, staged, unstaged, untracked.",
  },
  args: {
    name: { type: "positional", description: "session", completes: "sessions" },
    stat: { type: "boolean", description: "how much per file" },
    "name-only": { type: "boolean", description: "only the names of files" },
    base: { type: "string", valueHint: "REF", description: "compare with this commit" },
  },
  examples: ["diff fix-login", "diff fix-login --stat", "diff fix-login --base origin/main | git apply"],
  async run({ args, context }) {
    if (args.stat && args["name-only"]) {
      throw new UsageError({ message: "--stat and --name-only exclude each other", fix: ["keep one of them"] });
    }
    const format = args.stat ? "stat" : args["name-only"] ? "names" : "patch";
    const session = await resolveSession(args.name, context);
    const diff = await session.diff({ format, base: args.base, signal: context.signal });
    const { output } = context;
    if (context.flags.isJson) await output.json({ schemaVersion: 1, name: session.name, format, diff });
    // A patch that is piped must stay byte for byte; on a terminal foreign text must not steer it.
    else if (diff !== "") await output.write(output.stdout.isTerminal ? printableLines(diff) : diff);
    await noteSync(session, context);
    return 0;
  },
});
