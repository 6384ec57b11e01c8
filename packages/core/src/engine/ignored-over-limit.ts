import { SessionError } from "../contract/errors/session-error.ts";
import type { DeleteSessionRequest } from "../contract/session.ts";
import type { WorkspaceStatus } from "../contract/workspace.ts";

/** Throws `session.ignored-over-limit` when nobody has said what becomes of more ignored files than are kept unasked. */
export function refuseIgnoredOverLimit(facts: {
  readonly name: string;
  readonly deletion: DeleteSessionRequest;
  readonly status: WorkspaceStatus;
}): void {
  const { name, deletion, status } = facts;
  const { ignored } = status;
  if (!status.exists || deletion.ignored !== undefined || deletion.keepWorktree === true) return;
  if (ignored?.isMore !== true) return;
  const size = `${Math.floor(ignored.bytes / 1024 / 1024)} MiB`;
  throw new SessionError({
    code: "session.ignored-over-limit",
    message: `The ignored files of session ${name} (dependencies, build output) take more than ${size}`,
    why: "undo keeps a deleted session's ignored files up to undo.ignored_limit unasked",
    fix: [
      `keep them for undo, with the disk space they take: clauderon delete ${name} --keep-ignored`,
      `or remove them for good, all else is kept: clauderon delete ${name} --drop-ignored`,
      "or raise the limit: clauderon config set undo.ignored_limit 2g",
    ],
    context: { session: name, limitBytes: ignored.bytes },
  });
}
