import type { ModelUsage, SessionEvent } from "@clauderon/core/contract";

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
  examples: [
    "events",
    "events -f --json",
    "events --since 120 --type session.failed",
    "events -f --type model.turn-ended --type model.waiting",
  ],
  notes: [
    "With --json: one object per line.",
    "agent.reported: what the agent's own hooks told, in sandboxes that have a way out for it.",
    "model.*: what the proxy saw between an agent and its model; lengths and names, never a text.",
  ],
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
  return printable(`${event.cursor} ${event.at} ${event.sessionName} ${body.type} ${detailOf(body)}`).trimEnd();
}

function detailOf(body: SessionEvent["body"]): string {
  switch (body.type) {
    case "session.step-completed":
      return body.step;
    case "session.failed":
      return body.error.message;
    case "session.operation-requested":
      return body.operation.kind;
    case "session.synced":
      return body.notices.length === 0 ? "nothing to tell any more" : body.notices.join("; ");
    case "agent.reported":
      return [body.event, body.tool, body.detail].filter((part) => part !== undefined).join(" ");
    case "model.turn-started":
      return [body.model ?? body.vendor, body.isSideCall ? "aside" : body.cause].join(" ");
    case "model.text":
      return `${body.characters} characters`;
    case "model.tool-used":
      return body.tool;
    case "model.waiting":
    case "model.turn-ended":
      return body.reason;
    case "model.usage":
      return `${body.usage.isEstimated ? "about " : ""}${inputOf(body.usage)} in, ${body.usage.outputTokens} out`;
    case "model.error":
      return [body.class, body.status, body.code].filter((part) => part !== undefined).join(" ");
    default:
      return "";
  }
}

function inputOf({ inputTokens, cachedInputTokens, cacheWriteTokens, longCacheWriteTokens }: ModelUsage): number {
  return inputTokens + cachedInputTokens + cacheWriteTokens + longCacheWriteTokens;
}
