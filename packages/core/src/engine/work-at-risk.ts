import { SessionError } from "../contract/errors/session-error.ts";
import type { SessionState } from "../contract/session-state.ts";
import type { DeleteSessionRequest } from "../contract/session.ts";
import type { WorkspaceStatus } from "../contract/workspace.ts";

/** Throws `session.work-at-risk` with the counts when a deletion would lose work that the caller has not given up. */
export function refuseWorkAtRisk(facts: {
  readonly state: SessionState;
  readonly deletion: DeleteSessionRequest;
  readonly status: WorkspaceStatus;
  /** Why there is something in the sandbox that did not come out, if there is. */
  readonly staysInside?: string | undefined;
}): void {
  const { state, deletion, status, staysInside } = facts;
  const isElsewhere = staysInside !== undefined || status.unsynced !== undefined || (status.stashes ?? 0) > 0;
  if (deletion.discard === true || (!status.exists && !isElsewhere)) return;
  const changed = deletion.keepWorktree === true ? 0 : status.staged + status.unstaged;
  const untracked = deletion.keepWorktree === true ? 0 : status.untracked;
  const commits = deletion.keepBranch === true || !state.workspace.isOwnBranch ? 0 : status.unreachedCommits;
  const stashes = deletion.keepWorktree === true ? 0 : (status.stashes ?? 0);
  const losses = [
    changed > 0 ? `${changed} uncommitted ${changed === 1 ? "change" : "changes"}` : "",
    untracked > 0 ? `${untracked} untracked ${untracked === 1 ? "file" : "files"}` : "",
    commits > 0
      ? `${commits} ${commits === 1 ? "commit" : "commits"} on ${state.workspace.branch} that no other branch has`
      : "",
    stashes > 0 ? `${stashes} ${stashes === 1 ? "stash" : "stashes"}` : "",
    staysInside === undefined || deletion.keepWorktree === true
      ? ""
      : `what was written to its sandbox's git directory since commits last came out, which cannot be looked at now (${staysInside})`,
  ].filter((loss) => loss !== "");
  if (losses.length === 0) return;
  throw new SessionError({
    code: "session.work-at-risk",
    message: `Session ${state.name} holds work that is nowhere else`,
    why: losses.join(", "),
    fix: [
      staysInside === undefined
        ? `look at it: clauderon diff ${state.name}`
        : `let it come out: clauderon start ${state.name}; then delete it`,
      `delete it all the same: clauderon delete ${state.name} --discard (a branch with commits of its own stays)`,
      `or keep the files: clauderon delete ${state.name} --keep-worktree`,
    ],
    context: {
      session: state.name,
      staged: status.staged,
      unstaged: status.unstaged,
      untracked: status.untracked,
      unreachedCommits: status.unreachedCommits,
      ...(stashes === 0 ? {} : { stashes }),
      files: status.files,
    },
  });
}
