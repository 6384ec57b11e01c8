import { ClauderonError } from "../contract/errors/clauderon-error.ts";
import { SessionError } from "../contract/errors/session-error.ts";
import { WorkspaceError } from "../contract/errors/workspace-error.ts";
import type { SessionState } from "../contract/session-state.ts";

/** Throws `session.wrong-state` for what needs the worktree of a session that is archived. */
export function refuseArchived(state: SessionState): void {
  if (state.lifecycle !== "archived") return;
  throw new SessionError({
    code: "session.wrong-state",
    message: `Session ${state.name} is archived`,
    why: "its worktree is put away",
    fix: [`put it back first: clauderon unarchive ${state.name}`],
    context: { session: state.name, lifecycle: state.lifecycle },
  });
}

type Blocked = "workspace.exists" | "workspace.branch-exists" | "workspace.branch-in-use" | "repository.not-found";

const wayOut: Readonly<Record<Blocked, string>> = {
  "workspace.exists": "move what lies there away",
  "workspace.branch-exists": "give that branch another name: git branch --move",
  "workspace.branch-in-use": "check out another branch there",
  "repository.not-found": "bring the repository back to where it was, or say where it is with --repository PATH",
};

/** What is in the way of an undo record, said for a session that is archived. */
export function mapUnarchiveError(error: unknown, name: string): unknown {
  if (!ClauderonError.isInstance(error)) return error;
  const message = error.message.replaceAll("deleted session", "archived session");
  const why = error.why?.replaceAll("deleted", "archived");
  const tree = error.context["tree"];
  const rescue = typeof tree === "string" ? [`take the files out of it: cp -a '${tree}' SOMEWHERE`] : [];
  if (error.code === "undo.damaged" || error.code === "undo.not-found")
    return new WorkspaceError({
      code: "undo.damaged",
      message: error.code === "undo.damaged" ? message : `The worktree of the archived session ${name} is gone`,
      why: error.code === "undo.damaged" ? why : "what was put away was removed by somebody",
      fix: [rescue[0] ?? "look for it in another place", `give the session up: clauderon delete ${name} --discard`],
      context: error.context,
      cause: error,
    });
  if (!(error.code in wayOut)) return error;
  const code = error.code as Blocked;
  return new WorkspaceError({
    code,
    message,
    why,
    fix: [`${wayOut[code]}; then: clauderon unarchive ${name}`, ...rescue],
    context: error.context,
    cause: error,
  });
}

/** For a session without a worktree. */
export function nothingToArchive(state: SessionState): WorkspaceError {
  return new WorkspaceError({
    code: "workspace.missing",
    message: `Session ${state.name} has no worktree that could be put away`,
    why: `there is nothing at ${state.workspace.path}`,
    fix: [`delete the session: clauderon delete ${state.name}`],
    context: { session: state.name },
  });
}

/** Where deleted sessions are not kept, nobody can say any more what an archived one holds. */
export function archivedAtRisk(state: SessionState): SessionError {
  return new SessionError({
    code: "session.work-at-risk",
    message: `The worktree of the archived session ${state.name} would be gone for good`,
    why: "deleted sessions are not kept (undo.keep is 0)",
    fix: [
      `look at it: clauderon unarchive ${state.name}`,
      `or delete it all the same: clauderon delete ${state.name} --discard`,
    ],
    context: { session: state.name },
  });
}
