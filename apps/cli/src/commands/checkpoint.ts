import { UsageError, type SessionCheckpoint, WorkspaceError } from "@clauderon/core/contract";

import type { CommandContext } from "../command/command-context.ts";
import { defineCommand, type Command } from "../command/command.ts";
import { formatAge } from "../output/age.ts";
import { pickFields } from "../output/json.ts";
import { printable, printableLines } from "../output/printable.ts";
import { formatTable } from "../output/table.ts";
import { callerEnvironment } from "../session/caller-environment.ts";
import { resolveSession } from "../session/resolve-session.ts";

const jsonFields = [
  "schemaVersion",
  "id",
  "sessionId",
  "session",
  "at",
  "trigger",
  "note",
  "head",
  "branch",
  "repository",
  "files",
  "skipped",
] as const;

export const checkpointCreateCommand: Command = defineCommand({
  meta: {
    name: "create",
    description: "Keep what a session is now: files, index, commit, conversation, terminal.",
  },
  args: {
    name: { type: "positional", description: "session", completes: "sessions" },
    note: { type: "positional", description: "what for" },
    message: { type: "string", alias: "m", valueHint: "TEXT", description: "what for" },
  },
  jsonFields,
  examples: ["checkpoint create fix-login 'Before refactor'", "checkpoint create fix-login -m 'Before refactor'"],
  notes: [
    "The session may run. While its agent writes, what is caught is a moment per file: one may be from before a change and the next from after it.",
    "Kept are tracked and untracked files with their permissions, links, empty directories, the index, what is checked out, and a merge or rebase in progress. Not kept: ignored files, nested repositories, stashes.",
    "Nothing of the repository runs: no filter, no hook. A file that cannot be read refuses it.",
  ],
  async run({ args, context }) {
    if (args.note !== undefined && args.message !== undefined)
      throw new UsageError({ message: "There are two notes", fix: ["give one, as a word or with --message"] });
    const session = await resolveSession(args.name, context);
    const client = await context.client();
    const request = { note: args.note ?? args.message };
    const made = await client.checkpoints.create(session.id, request, { signal: context.signal });
    const { output, flags } = context;
    if (flags.isJson) await output.json(pickFields({ ...made }, flags.jsonFields));
    else if (flags.isQuiet) await output.write(`${made.id}\n`);
    output.say(`Made checkpoint ${made.id} of ${made.session}, ${countFiles(made.files)}`);
    if (made.skipped.length > 0)
      output.say(printable(`Not in it: ${made.skipped.slice(0, 5).join(", ")}${made.skipped.length > 5 ? ", …" : ""}`));
    output.say(`Go back to it with: clauderon checkpoint restore ${made.session} ${made.id}`);
    return 0;
  },
});

export const checkpointListCommand: Command = defineCommand({
  meta: { name: "list", description: "List checkpoints, of one session or of all." },
  args: { name: { type: "positional", description: "session; default: all", completes: "sessions" } },
  jsonFields,
  examples: ["checkpoint list fix-login", "checkpoint list --json=id,session,note"],
  async run({ args, context }) {
    const { output, flags, signal } = context;
    const client = await context.client();
    const found = await client.checkpoints.list(args.name, { signal });
    if (flags.isJson) {
      await output.json(found.map((checkpoint) => pickFields({ ...checkpoint }, flags.jsonFields)));
      return 0;
    }
    if (flags.isQuiet) {
      await output.write(found.map(({ id }) => `${id}\n`).join(""));
      return 0;
    }
    if (found.length === 0) {
      output.say("There are no checkpoints");
      return 0;
    }
    const now = Date.now();
    const lines = formatTable(
      ["ID", "SESSION", "WHEN", "WHY", "BRANCH", "COMMIT", "FILES"],
      found.map((checkpoint) => [
        checkpoint.id,
        checkpoint.session,
        `${formatAge(checkpoint.at, now)} ago`,
        printable(whyWords(checkpoint)),
        printable(checkpoint.branch ?? "-"),
        checkpoint.head?.slice(0, 12) ?? "-",
        String(checkpoint.files),
      ]),
      undefined,
    );
    await output.write(`${lines.join("\n")}\n`);
    return 0;
  },
});

export const checkpointRestoreCommand: Command = defineCommand({
  meta: { name: "restore", description: "Make a session what it was at a checkpoint. Its agent is ended for it." },
  args: {
    name: { type: "positional", required: true, description: "session", completes: "sessions" },
    id: { type: "positional", required: true, description: "checkpoint, as checkpoint list shows it" },
    as: { type: "string", valueHint: "NEW", description: "as a new session of this name; the other stays as it is" },
  },
  examples: ["checkpoint restore fix-login 3f2a9c1d04be", "checkpoint restore fix-login 3f2a9c1d04be --as second-try"],
  notes: [
    "What the session is now becomes a checkpoint first, and clauderon undo goes back to it. It is all or nothing: what fails or is cut off leaves everything as it was.",
    "Files, index, the session's branch and what it was in the middle of become what they were. Ignored files and nested repositories stay as they are, unless one is where a file of the checkpoint has to be: then it is kept with what is replaced.",
    "A branch that is not the session's own and has moved on stays where it is: its commit is then checked out without a branch, and that is said.",
    "The conversation goes on where its agent left it; it is not wound back.",
  ],
  async run({ args, context }) {
    const client = await context.client();
    if (args.as !== undefined) return forkCheckpoint({ name: args.name, id: args.id, as: args.as }, context);
    const restored = await client.checkpoints.restore(args.name, args.id, { signal: context.signal });
    const { output, flags } = context;
    if (flags.isJson) await output.json(restored);
    for (const notice of restored.notices) output.say(printable(notice));
    output.say(
      `${restored.session} is what it was at ${restored.id}; take it back with: clauderon undo ${restored.undoId}`,
    );
    if (restored.isStopped) output.say(`Start its agent again with: clauderon start ${restored.session}`);
    return 0;
  },
});

async function forkCheckpoint(
  { name, id, as }: { readonly name: string; readonly id: string; readonly as: string },
  context: CommandContext,
): Promise<number> {
  const { output, flags, signal } = context;
  const client = await context.client();
  const own = await client.checkpoints.list(name, { signal });
  if (own.every((checkpoint) => checkpoint.id !== id))
    throw new WorkspaceError({
      code: "checkpoint.not-found",
      message: `Session ${name} has no checkpoint ${id}`,
      fix: [`see which it has: clauderon checkpoint list ${name}`],
    });
  const request = {
    repository: context.currentDirectory,
    name: as,
    checkpoint: id,
    callerEnvironment: callerEnvironment(context.environment),
    size: context.terminalSize(),
  };
  await context.access.checkCreateRequest(request);
  output.say(`Creating ${as}…`);
  const session = await client.sessions.create(request, { signal });
  const detail = await session.detail({ signal });
  for (const notice of detail.notices) output.note(notice);
  await (flags.isJson ? output.json(detail) : output.line(session.name));
  output.hint(`Next: clauderon attach ${session.name}`);
  return 0;
}

export const checkpointDeleteCommand: Command = defineCommand({
  meta: { name: "delete", description: "Give checkpoints up for good, to free their disk space." },
  args: {
    ids: { type: "positional", required: true, repeatable: true, description: "as checkpoint list shows them" },
  },
  examples: ["checkpoint delete 3f2a9c1d04be"],
  async run({ args, context }) {
    const client = await context.client();
    if (args.ids.length === 0)
      throw new UsageError({ message: "Which checkpoint?", fix: ["see what there is: clauderon checkpoint list"] });
    await client.checkpoints.remove(args.ids, { signal: context.signal });
    context.output.say(`Removed ${args.ids.join(", ")} for good`);
    return 0;
  },
});

export const checkpointDiffCommand: Command = defineCommand({
  meta: { name: "diff", description: "Show what changed from one checkpoint to another, or until now." },
  args: {
    from: { type: "positional", required: true, description: "checkpoint" },
    to: { type: "positional", description: "another one; default: what its session's worktree is now" },
    stat: { type: "boolean", description: "how much per file" },
    "name-only": { type: "boolean", description: "only the names of files" },
  },
  examples: ["checkpoint diff 3f2a9c1d04be", "checkpoint diff 3f2a9c1d04be 77aa01be9d20 --stat"],
  async run({ args, context }) {
    if (args.stat && args["name-only"])
      throw new UsageError({ message: "--stat and --name-only exclude each other", fix: ["keep one of them"] });
    const format = args.stat ? "stat" : args["name-only"] ? "names" : "patch";
    const client = await context.client();
    const { output, signal } = context;
    const diff = await client.checkpoints.diff({ from: args.from, to: args.to, format }, { signal });
    if (context.flags.isJson) await output.json({ schemaVersion: 1, from: args.from, to: args.to, format, diff });
    else if (diff !== "") await output.write(output.stdout.isTerminal ? printableLines(diff) : diff);
    return 0;
  },
});

export const checkpointScreenCommand: Command = defineCommand({
  meta: { name: "screen", description: "Show what a session's terminal showed when a checkpoint was made." },
  args: { id: { type: "positional", required: true, description: "checkpoint" } },
  examples: ["checkpoint screen 3f2a9c1d04be"],
  async run({ args, context }) {
    const { output, flags, signal } = context;
    const text = await (await context.client()).checkpoints.screen(args.id, { signal });
    if (flags.isJson) await output.json({ schemaVersion: 1, id: args.id, text });
    else if (text === "") output.say("The session had no terminal then, or nothing was on it");
    else await output.write(printableLines(text.endsWith("\n") ? text : `${text}\n`));
    return 0;
  },
});

function whyWords({ trigger, note }: SessionCheckpoint): string {
  if (note !== undefined) return note;
  return trigger === "user" ? "" : `before a ${trigger}`;
}

function countFiles(count: number): string {
  return `${String(count)} ${count === 1 ? "file" : "files"}`;
}
