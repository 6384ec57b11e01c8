import { UsageError, type SessionSummary } from "@clauderon/core/contract";

import { defineCommand, type Command } from "../command/command.ts";
import { formatAge } from "../output/age.ts";
import { pickFields } from "../output/json.ts";
import { formatTable } from "../output/table.ts";
import { repositoryOf } from "../session/create-request.ts";
import { sessionWords } from "../session/session-words.ts";
import { summaryFields } from "../session/summary-fields.ts";
import { fixesFor } from "../strict-arguments.ts";

type Sort = "age" | "name" | "status";

export const listCommand: Command = defineCommand({
  meta: { name: "list", description: "List sessions, newest first." },
  args: {
    status: { type: "string", valueHint: "S,S", description: "only these states" },
    backend: { type: "string", alias: "b", valueHint: "NAME", description: "only of this backend" },
    repo: { type: "string", alias: "r", valueHint: "PATH", description: "only of this repository" },
    archived: { type: "boolean", description: "the archived ones, which are left out otherwise" },
    sort: { type: "enum", options: ["age", "name", "status"], description: "order" },
  },
  jsonFields: summaryFields,
  examples: [
    "list",
    "ls --status failed,stopped",
    "list --json=name,state",
    "list -q --backend local",
    "list --archived",
  ],
  notes: ["With -q: only names, one per line."],
  async run({ args, context }) {
    const { output, flags } = context;
    const states = args.status === undefined ? undefined : parseStates(args.status);
    const repository = args.repo === undefined ? undefined : repositoryOf(args.repo, context.currentDirectory);
    const client = await context.client();
    const sessions = (await client.sessions.list({ signal: context.signal }))
      .filter((session) => isShown(session, args.archived, states))
      .filter((session) => states === undefined || states.includes(session.state) || states.includes(session.lifecycle))
      .filter((session) => args.backend === undefined || session.backend === args.backend)
      .filter((session) => repository === undefined || session.repository === repository)
      .toSorted(comparator(args.sort ?? "age"));
    if (flags.isJson) {
      await output.json(sessions.map((session) => pickFields(session, flags.jsonFields)));
      return 0;
    }
    if (flags.isQuiet) {
      await output.write(sessions.map((session) => `${session.name}\n`).join(""));
      return 0;
    }
    const now = Date.now();
    const lines = formatTable(
      ["NAME", "STATUS", "BACKEND", "AGENT", "BRANCH", "AGE"],
      sessions.map((each) => [
        each.name,
        each.state,
        each.backend,
        each.agent,
        each.branch,
        formatAge(each.createdAt, now),
      ]),
      output.stdout.isTerminal ? output.stdout.columns() : undefined,
    );
    const [header = "", ...rows] = lines;
    await output.write([output.style.stdout.bold(header), ...rows, ""].join("\n"));
    if (sessions.length === 0) output.hint('No sessions. Create one: clauderon create --prompt "…"');
    return 0;
  },
});

function isShown({ lifecycle }: SessionSummary, isArchived: boolean, states: readonly string[] | undefined): boolean {
  return isArchived ? lifecycle === "archived" : lifecycle !== "archived" || states?.includes("archived") === true;
}

function comparator(sort: Sort): (left: SessionSummary, right: SessionSummary) => number {
  const byName = (left: SessionSummary, right: SessionSummary): number => left.name.localeCompare(right.name, "en");
  if (sort === "name") return byName;
  if (sort === "status") return (left, right) => left.state.localeCompare(right.state, "en") || byName(left, right);
  return (left, right) => Date.parse(right.createdAt) - Date.parse(left.createdAt) || byName(left, right);
}

function parseStates(text: string): readonly string[] {
  const words = text.split(",").map((word) => word.trim());
  for (const word of words) {
    if (sessionWords.includes(word)) continue;
    throw new UsageError({
      message: `--status cannot be "${word}"`,
      fix: fixesFor(word, sessionWords, `choose from: ${sessionWords.join(", ")}`),
    });
  }
  return words;
}
