import { complaintOf } from "../git.ts";
import { retryLocked } from "../retry-locked.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { movedMeanwhile, refused } from "./result-errors.ts";
import type { ResultRecord } from "./result-record.ts";
import { branchCommit } from "./user-checkout.ts";

/** Only from where it is meant to be. */
export async function moveRef(
  tools: WorkspaceTools,
  record: Omit<ResultRecord, "version">,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<void> {
  const { ref, commonDirectory, checkout, name, phase } = record;
  if (ref === undefined) return;
  // The git directory of the working tree, so that the log of its HEAD tells it, too.
  const directory = checkout?.gitDirectory ?? commonDirectory;
  const message = phase === "undoing" ? `clauderon undo: merge of ${name}` : `clauderon merge: ${name}`;
  const args = [`--git-dir=${directory}`, "-c", "core.fsync=all", "update-ref", "-m", message, ref.name, to, from];
  try {
    await retryLocked(() => tools.git.act(args, { cwd: commonDirectory }));
  } catch (error) {
    const branch = ref.name.slice("refs/heads/".length);
    const now = await branchCommit(tools, commonDirectory, branch);
    // A failure after the deed is none.
    if (now === to) return;
    if (now !== from) throw movedMeanwhile(branch, error);
    throw refused({
      message: `The branch ${branch} could not be moved`,
      why: complaintOf(error) === "" ? String(error) : complaintOf(error),
      fix: ["mend what git complains about and try again"],
      cause: error,
    });
  }
}
