import { complaintOf } from "../git.ts";
import { makeOwnGitDirectory } from "../own-git-directory.ts";
import { readablePath } from "../porcelain-status.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { actingSettings, isSet } from "./acting-settings.ts";
import { differences, isAncestor, mergeTrees } from "./merge-trees.ts";
import type { PrepareCall, Prepared } from "./prepared.ts";
import { conflicts, isBusy, refused, uncommitted } from "./result-errors.ts";
import { inProgress, readSessionWork } from "./session-work.ts";
import { findTarget, type Target } from "./user-checkout.ts";

/** Works out what merging the session's commits would change, in objects that are thrown away. */
export async function prepareMerge(tools: WorkspaceTools, call: PrepareCall): Promise<Prepared> {
  const { record, request, signal } = call;
  const { name, merge = {} } = request;
  const work = await readSessionWork(tools, record, { name, settings: call.settings, signal });
  if (work.entries.length > 0 && merge.isCommittedOnly !== true)
    throw uncommitted(
      record,
      name,
      work.entries.map(({ path }) => readablePath(path)),
    );
  const target = await findTarget(tools, record, { name, into: merge.into, signal });
  const { checkout } = target;
  const busy = checkout === undefined ? undefined : await inProgress(tools, checkout.gitDirectory);
  if (checkout !== undefined && busy !== undefined) throw isBusy(checkout.workTree, busy);
  const tree = checkout ?? { ...work.tree, head: target.commit };
  const settings = await actingSettings(tools, tree.gitDirectory, signal);
  await using stack = new AsyncDisposableStack();
  const own = stack.use(await makeOwnGitDirectory(tools, tree, { use: "try", settings }));
  const place = { cwd: tree.workTree, environment: own.environment, signal };
  const { commit } = target;
  const tip = work.tree.head;
  const how = merge.how ?? "merge";
  const isContained = await isAncestor(tools, [tip, commit], place);
  const isForward = !isContained && (await isAncestor(tools, [commit, tip], place));
  const merged = isForward || isContained ? undefined : await mergeTrees(tools, [commit, tip], place);
  if (merged !== undefined && merged.state !== "clean") throw cannotMerge(call, target, merged);
  const after = isContained ? commit : (merged?.tree ?? tip);
  const changes = await differences(tools, [commit, after], place);
  // A squash takes what differs, a merge also commits that change nothing.
  const isUpToDate = isContained || (how === "squash" && changes.length === 0);
  const isFastForward = isForward && how === "merge" && merge.message === undefined;
  const parents = how === "squash" ? [commit] : [commit, tip];
  const makeCommit = async (): Promise<string> => {
    if (isFastForward) return tip;
    await using real = await makeOwnGitDirectory(tools, tree, { use: "user", settings });
    const again = { ...place, environment: { ...real.environment, GIT_OPTIONAL_LOCKS: "0" } };
    // The objects of the trial are thrown away: made once more, they stay.
    const result = isForward ? undefined : await mergeTrees(tools, [commit, tip], again);
    const written = result?.state === "clean" ? result.tree : `${tip}^{tree}`;
    const treeName = (await tools.git.inspect(["rev-parse", "--verify", written], again)).stdout.trim();
    const message = merge.message ?? (await defaultMessage(tools, { call, target, tip, place: again }));
    const args = ["-c", "core.fsync=all", "-c", "core.fsyncObjectFiles=true", "commit-tree"];
    if (isSet(settings, "commit.gpgsign")) args.push("-S");
    args.push(treeName, ...parents.flatMap((parent) => ["-p", parent]), "-F", "-");
    return await tools.git.act(args, { ...again, input: `${message.trimEnd()}\n` }).then(
      ({ stdout }) => stdout.trim(),
      (error: unknown) => {
        throw commitFailed(error);
      },
    );
  };
  const owned = stack.move();
  return {
    isUpToDate,
    how: isFastForward ? "fast-forward" : how === "squash" ? "squash" : "merge",
    changes,
    checkout,
    after,
    environment: own.environment,
    settings,
    branch: target.branch,
    before: commit,
    makeCommit,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function cannotMerge(
  { record, request: { name } }: PrepareCall,
  { branch, checkout }: Target,
  merged: { readonly state: "conflicts"; readonly files: readonly string[] } | { readonly state: "unrelated" },
): Error {
  const byHand = checkout === undefined ? "" : `git -C '${checkout.workTree}' merge ${record.branch}`;
  if (merged.state === "conflicts") {
    return conflicts({
      name,
      target: branch,
      files: merged.files,
      fix: [
        `solve it in the session: clauderon exec ${name} -- git merge ${branch}`,
        ...(byHand === "" ? [] : [`or here, by hand: ${byHand}`]),
      ],
    });
  }
  return refused({
    message: `${branch} and the session's branch have no commit in common`,
    why: "a merge of unrelated histories is hardly what is meant",
    fix: [
      `name another branch: clauderon merge ${name} --into BRANCH`,
      ...(byHand === "" ? [] : [`or merge by hand: ${byHand} --allow-unrelated-histories`]),
    ],
    context: { branch },
  });
}

interface MessageCall {
  readonly call: PrepareCall;
  readonly target: Target;
  readonly tip: string;
  readonly place: { readonly cwd: string; readonly environment: Readonly<Record<string, string>> };
}

/** As git words it; of a squash also what it holds. */
async function defaultMessage(tools: WorkspaceTools, { call, target, tip, place }: MessageCall): Promise<string> {
  const { record, request } = call;
  if (request.merge?.how !== "squash") return `Merge branch '${record.branch}' into ${target.branch}`;
  const args = ["log", "--no-decorate", "--no-color", "--no-merges", "--reverse", "--max-count=200", "--format=* %s"];
  const { stdout } = await tools.git.inspect([...args, `${target.commit}..${tip}`], place);
  return `Squash branch '${record.branch}'\n\n${stdout}`;
}

function commitFailed(error: unknown): unknown {
  const complaint = complaintOf(error);
  if (/identity unknown|tell me who you are|empty ident|no email was given|no name was given/iu.test(complaint)) {
    return refused({
      message: "The merge commit cannot be made: git does not know who you are",
      why: complaint,
      fix: ["git config --global user.name NAME && git config --global user.email EMAIL"],
      cause: error,
    });
  }
  if (/gpg|sign/iu.test(complaint)) {
    return refused({
      message: "The merge commit cannot be signed; nothing was changed",
      why: complaint,
      fix: [
        "see that your key can be used without a question: an agent that holds it, or user.signingkey",
        "merge without a commit of your own when the branch can move forward: leave out --no-ff, --squash and --message",
      ],
      cause: error,
    });
  }
  return error;
}
