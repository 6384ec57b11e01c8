import {
  ClauderonError,
  UsageError,
  type DeletedSession,
  type DeleteSessionRequest,
  type Session,
} from "@clauderon/core/contract";

import { Cancelled } from "../cancelled.ts";
import type { CommandContext } from "../command/command-context.ts";
import { defineCommand, type Command } from "../command/command.ts";
import { printable } from "../output/printable.ts";
import { forEachSession, selectSessions } from "../session/for-each-session.ts";
import { describeFiles, describeRisk, workAtRisk } from "../session/work-at-risk.ts";

interface DeleteChoices {
  readonly discard: boolean;
  readonly keepBranch: boolean;
  readonly keepWorktree: boolean;
  readonly isAll: boolean;
  readonly ignored: DeleteSessionRequest["ignored"];
}

export const deleteCommand: Command = defineCommand({
  meta: {
    name: "delete",
    description: "Delete sessions with their sandbox, worktree and branch. Work is never lost without --discard.",
  },
  args: {
    name: { type: "positional", repeatable: true, description: "sessions", completes: "sessions" },
    all: { type: "boolean", description: "all sessions that are not archived; needs --yes" },
    discard: {
      type: "boolean",
      description: "uncommitted and untracked work goes, too; undo brings it back for a while",
    },
    "keep-ignored": { type: "boolean", description: "keep ignored files for undo, however much they take" },
    "drop-ignored": { type: "boolean", description: "ignored files (dependencies, build output) are gone for good" },
    "keep-branch": { type: "boolean", description: "leave the branch" },
    "keep-worktree": { type: "boolean", description: "leave the directory (and with it the branch)" },
  },
  examples: ["delete fix-login", "rm fix-login --discard --yes", "delete fix-login --keep-worktree"],
  notes: [
    "A branch with commits that nothing else has is never deleted; the command says that it stays.",
    "Ignored files are kept for undo, too; when they take more than undo.ignored_limit (256m) you are asked, or say it by a flag.",
    "What is deleted is kept for 30 days, or undo.keep: clauderon undo NAME brings it back.",
  ],
  async run({ args, context }) {
    if (args.all && !context.flags.isYes && !context.canPrompt) {
      throw new UsageError({
        code: "usage.needs-input",
        message: "Delete all sessions?",
        fix: ["say so: --all --yes", "or name them"],
      });
    }
    const choices: DeleteChoices = {
      discard: args.discard,
      keepBranch: args["keep-branch"] || args["keep-worktree"],
      keepWorktree: args["keep-worktree"],
      isAll: args.all,
      ignored: ignoredChoice(args["keep-ignored"], args["drop-ignored"]),
    };
    const sessions = await selectSessions(
      { names: args.name, isAll: args.all, matches: ({ lifecycle }) => lifecycle !== "archived" },
      context,
    );
    const deleted: DeletedSession[] = [];
    await forEachSession(sessions, context, async (session) => {
      deleted.push(await deleteOne(session, choices, context));
    });
    if (context.flags.isJson) await context.output.json(deleted);
    return 0;
  },
});

async function deleteOne(session: Session, choices: DeleteChoices, context: CommandContext): Promise<DeletedSession> {
  const { output, flags, canPrompt, signal } = context;
  let { discard } = choices;
  if (!discard) {
    const detail = await session.detail({ withWorkspace: true, signal });
    const risks = describeRisk(detail.workspaceStatus, { branch: choices.keepBranch, worktree: choices.keepWorktree });
    if (risks.length > 0 && (flags.isYes || !canPrompt)) throw workAtRisk(detail, risks);
    if (risks.length > 0) {
      output.tell(`${printable(session.name)} holds ${risks.join(", ")}`);
      const files = detail.workspaceStatus?.files ?? [];
      if (files.length > 0) output.tell(printable(describeFiles(files)));
      if (!(await context.prompts.confirm(`Discard this and delete ${session.name}?`))) throw new Cancelled();
      discard = true;
    } else if (canPrompt && !flags.isYes && !(await context.prompts.confirm(`Delete ${session.name}?`))) {
      throw new Cancelled();
    }
  }
  const { keepBranch, keepWorktree, ignored } = choices;
  const request = { discard, keepBranch, keepWorktree, ...(ignored === undefined ? {} : { ignored }) };
  const result = await deleteAsking(session, request, context);
  output.say(`Deleted ${session.name}`);
  for (const sentence of result.kept) output.note(sentence);
  if (result.undoUntil !== undefined)
    output.note(`kept until ${result.undoUntil.slice(0, 10)}; bring it back: clauderon undo ${session.name}`);
  return result;
}

/** Asks what becomes of more ignored files than are kept unasked, where somebody can answer. */
async function deleteAsking(
  session: Session,
  request: DeleteSessionRequest,
  context: CommandContext,
): Promise<DeletedSession> {
  const { output, flags, canPrompt, signal } = context;
  try {
    return await session.delete(request, { signal });
  } catch (error) {
    if (!canPrompt || flags.isYes) throw error;
    // What a stopped sandbox holds is known only now.
    if (ClauderonError.isInstance(error, "session.work-at-risk") && request.discard !== true) {
      output.tell(printable(`${error.message}${error.why === undefined ? "" : `: ${error.why}`}`));
      if (!(await context.prompts.confirm(`Discard this and delete ${session.name}?`))) throw new Cancelled();
      return await deleteAsking(session, { ...request, discard: true }, context);
    }
    if (!ClauderonError.isInstance(error, "session.ignored-over-limit")) throw error;
    output.tell(error.message);
    const ignored = await context.prompts.select("What becomes of them?", [
      { value: "keep", hint: "undo brings them back; until then they take their disk space" },
      { value: "drop", hint: "gone for good; all else is kept" },
    ]);
    return await session.delete({ ...request, ignored: ignored === "drop" ? "drop" : "keep" }, { signal });
  }
}

function ignoredChoice(isKept: boolean, isDropped: boolean): DeleteSessionRequest["ignored"] {
  if (isKept && isDropped) {
    throw new UsageError({
      message: "--keep-ignored and --drop-ignored exclude each other",
      fix: ["leave --keep-ignored out", "leave --drop-ignored out"],
    });
  }
  if (isKept) return "keep";
  return isDropped ? "drop" : undefined;
}
