import { defineCommand, type Command } from "../command/command.ts";
import { formatAge } from "../output/age.ts";
import { pickFields } from "../output/json.ts";
import { formatTable } from "../output/table.ts";

export const undoRestoreCommand: Command = defineCommand({
  meta: {
    name: "restore",
    description: "Bring a deleted session back, stopped, with all its files, commits and its conversation.",
  },
  args: {
    name: { type: "positional", description: "name or id of the deleted session; default: the last one" },
    as: { type: "string", valueHint: "NAME", description: "another name, when its own is taken" },
    repository: { type: "string", valueHint: "PATH", description: "where the repository is now, when it was moved" },
  },
  examples: ["undo fix-login", "undo fix-login --as fix-login-2"],
  notes: [
    "Nothing is overwritten: what is in the way is named, and the deleted session stays kept.",
    "With --as the worktree lies at another path, where an agent may not find its conversation again.",
  ],
  async run({ args, context }) {
    const { output, flags, signal } = context;
    const client = await context.client();
    const request = { reference: args.name, name: args.as, repository: args.repository };
    const session = await client.undo.restore(request, { signal });
    if (flags.isJson) await output.json(await session.detail({ signal }));
    output.say(`Brought back ${session.name}; start its agent with: clauderon start ${session.name}`);
    return 0;
  },
});

export const undoListCommand: Command = defineCommand({
  meta: { name: "list", description: "List deleted sessions that can be brought back." },
  args: {},
  jsonFields: [
    "schemaVersion",
    "id",
    "name",
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
      ["NAME", "DELETED", "KEPT UNTIL", "SIZE", "REPOSITORY", "ID"],
      records.map((record) => [
        record.name,
        `${formatAge(record.deletedAt, now)} ago`,
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

export const undoDropCommand: Command = defineCommand({
  meta: { name: "drop", description: "Remove a deleted session for good, to free its disk space." },
  args: { id: { type: "positional", required: true, description: "its id, as clauderon undo list shows it" } },
  examples: ["undo drop 0f0e5c1a-6c3d-4a52-9d0e-6a9e3a1f7d11"],
  async run({ args, context }) {
    const client = await context.client();
    await client.undo.drop(args.id, { signal: context.signal });
    context.output.say(`Removed ${args.id} for good`);
    return 0;
  },
});
