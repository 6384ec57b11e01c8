import type { SessionEvent } from "@clauderon/core/contract";

import { defineCommand, type Command } from "../command/command.ts";
import { printable } from "../output/printable.ts";
import { parseCount } from "../values/number.ts";

export const eventsCommand: Command = defineCommand({
  meta: { name: "events", description: "Show what happened to sessions, oldest first." },
  args: {
    follow: { type: "boolean", alias: "f", description: "go on with what happens; without --since from now on" },
    since: { type: "string", valueHint: "CURSOR", description: "only after this one (the first column)" },
    type: { type: "string", valueHint: "TYPE", repeatable: true, description: "only of this type" },
  },
  examples: ["events", "events -f --json", "events --since 120 --type session.failed"],
  notes: ["With --json: one object per line."],
  async run({ args, context }) {
    const { output, flags, signal } = context;
    const since = args.since === undefined ? (args.follow ? undefined : 0) : parseCount("--since", args.since);
    const client = await context.client();
    for await (const event of client.events({ since, follow: args.follow, signal })) {
      if (args.type.length > 0 && !args.type.includes(event.body.type)) continue;
      await (flags.isJson ? output.json({ schemaVersion: 1, ...event }) : output.line(describe(event)));
    }
    signal.throwIfAborted();
    return 0;
  },
});

function describe(event: SessionEvent): string {
  const { body } = event;
  const detail =
    body.type === "session.step-completed"
      ? body.step
      : body.type === "session.failed"
        ? body.error.message
        : body.type === "session.operation-requested"
          ? body.operation.kind
          : "";
  return printable(`${event.cursor} ${event.at} ${event.sessionName} ${body.type} ${detail}`).trimEnd();
}
