import type { Clauderon, UndoRecord } from "@clauderon/core/contract";

import { defineCommand, type Command } from "../command/command.ts";
import { formatAge } from "../output/age.ts";
import { pickFields } from "../output/json.ts";
import { printable } from "../output/printable.ts";
import { formatTable } from "../output/table.ts";

export const undoRestoreCommand: Command = defineCommand({
  meta: {
    name: "restore",
    description:
      "Bring a deleted session back, stopped, with all its files, commits and its conversation; take a merge, an apply or a restore of a checkpoint back.",
  },
  args: {
    name: { type: "positional", description: "name of a session, or an id; default: what was done last" },
    as: { type: "string", valueHint: "NAME", description: "another name, when that of the deleted session is taken" },
    repository: { type: "string", valueHint: "PATH", description: "where the repository is now, when it was moved" },
  },
  examples: ["undo fix-login", "undo fix-login --as fix-login-2", "undo 0f0e5c1a-6c3d-4a52-9d0e-6a9e3a1f7d11"],
  notes: [
    "Of several things of one name it is the last: clauderon undo list shows them all.",
    "A merge or an apply is taken back only while branch and files are what it left: what you changed since is named, and kept.",
    "Nothing is overwritten: what is in the way is named, and the deleted session stays kept.",
    "With --as the worktree lies at another path, where an agent may not find its conversation again.",
  ],
  async run({ args, context }) {
    const { output, flags, signal } = context;
    const client = await context.client();
    const record = await findResult(client, args, signal);
    if (record !== undefined) {
      const takenBack = await client.undo.takeBack(record.id, { signal });
      if (flags.isJson) await output.json(takenBack);
      const what = {
        merge: `the merge of ${record.name} into ${record.branch}`,
        restore: `the restore of ${record.name}`,
        apply: `the changes of ${record.name}`,
        delete: record.name,
      }[record.kind];
      output.say(printable(`Took back ${what} in ${record.repository}`));
      return 0;
    }
    const request = { reference: args.name, name: args.as, repository: args.repository };
    const session = await client.undo.restore(request, { signal });
    if (flags.isJson) await output.json(await session.detail({ signal }));
    output.say(`Brought back ${session.name}; start its agent with: clauderon start ${session.name}`);
    return 0;
  },
});

/** A merge or an application of changes that is meant: by id, else the last of all that match. */
async function findResult(
  client: Pick<Clauderon, "undo">,
  {
    name,
    as,
    repository,
  }: { readonly name?: string | undefined; readonly as?: string | undefined; readonly repository?: string | undefined },
  signal: AbortSignal,
): Promise<UndoRecord | undefined> {
  // Only a deleted session can be brought back otherwise than it was.
  if (as !== undefined || repository !== undefined) return undefined;
  const records = await client.undo.list({ signal });
  const byName = name === undefined ? records : records.filter((record) => record.name === name);
  const found = records.find(({ id }) => id === name) ?? byName[0];
  return found === undefined || found.kind === "delete" ? undefined : found;
}

export const undoListCommand: Command = defineCommand({
  meta: {
    name: "list",
    description: "List what can be undone: deleted sessions, merges, applied changes, restored checkpoints.",
  },
  args: {},
  jsonFields: [
    "schemaVersion",
    "kind",
    "id",
    "name",
    "at",
    "deletedAt",
    "expiresAt",
    "backend",
    "agent",
    "repository",
    "branch",
    "bytes",
  ],
  examples: ["undo list", "undo list --json=id,name,bytes"],
  async run({ context }) {
    const { output, flags, signal } = context;
    const client = await context.client();
    const records = await client.undo.list({ signal });
    if (flags.isJson) {
      await output.json(records.map((record) => pickFields({ ...record }, flags.jsonFields)));
      return 0;
    }
    if (records.length === 0) {
      output.say("There is nothing to undo");
      return 0;
    }
    const now = Date.now();
    const lines = formatTable(
      ["NAME", "WHAT", "WHEN", "KEPT UNTIL", "SIZE", "REPOSITORY", "ID"],
      records.map((record) => [
        record.name,
        whatWords(record),
        `${formatAge(record.at, now)} ago`,
        record.expiresAt.slice(0, 10),
        `${(record.bytes / 1024 / 1024).toFixed(1)} MiB`,
        record.repository,
        record.id,
      ]),
      undefined,
    );
    await output.write(`${lines.join("\n")}\n`);
    return 0;
  },
});

function whatWords({ kind, branch }: UndoRecord): string {
  if (kind === "delete") return "deleted";
  if (kind === "restore") return "restored a checkpoint";
  return kind === "merge" ? `merged into ${branch}` : "applied";
}

export const undoDropCommand: Command = defineCommand({
  meta: { name: "drop", description: "Give something that could be undone up for good, to free its disk space." },
  args: { id: { type: "positional", required: true, description: "its id, as clauderon undo list shows it" } },
  examples: ["undo drop 0f0e5c1a-6c3d-4a52-9d0e-6a9e3a1f7d11"],
  async run({ args, context }) {
    const client = await context.client();
    await client.undo.drop(args.id, { signal: context.signal });
    context.output.say(`Removed ${args.id} for good`);
    return 0;
  },
});
