import { makeOwnGitDirectory, quotePath } from "../own-git-directory.ts";
import { stageWork } from "../stage-work.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { actingSettings } from "./acting-settings.ts";
import { differences, isAncestor, mergeBase, mergeTrees } from "./merge-trees.ts";
import type { PrepareCall, Prepared } from "./prepared.ts";
import { conflicts, isBusy, listed, refused } from "./result-errors.ts";
import { inProgress, readSessionWork } from "./session-work.ts";
import { findUserCheckout } from "./user-checkout.ts";

const GITLINK = "160000";

/** Works out what the session's changes, committed or not, would do to the user's files, in objects that are thrown away. */
export async function prepareApply(tools: WorkspaceTools, call: PrepareCall): Promise<Prepared> {
  const { record, request, settings: userSettings, signal } = call;
  const { name } = request;
  const work = await readSessionWork(tools, record, { name, settings: userSettings, signal });
  const checkout = await findUserCheckout(tools, record, signal);
  if (checkout === undefined) {
    throw refused({
      message: `${record.repositoryPath} has no working tree to apply changes to`,
      why: "it is a bare repository",
      fix: [`merge instead: clauderon merge ${name} --into BRANCH`],
      context: { path: record.repositoryPath },
    });
  }
  const busy = await inProgress(tools, checkout.gitDirectory);
  if (busy !== undefined) throw isBusy(checkout.workTree, busy);
  await using stack = new AsyncDisposableStack();
  const theirs = stack.use(
    await makeOwnGitDirectory(tools, work.tree, { use: "scratch", settings: await userSettings.read(signal) }),
  );
  const there = { cwd: work.tree.workTree, environment: theirs.environment, signal };
  await stageWork(tools, work.tree, { own: theirs, entries: work.entries, lfs: "content", signal });
  const tree = (await tools.git.inspect(["write-tree"], there)).stdout.trim();
  const settings = await actingSettings(tools, checkout.gitDirectory, signal);
  const own = stack.use(await makeOwnGitDirectory(tools, checkout, { use: "try", settings }));
  const known = own.environment["GIT_ALTERNATE_OBJECT_DIRECTORIES"] ?? "";
  const borrowed = quotePath(theirs.environment["GIT_OBJECT_DIRECTORY"] ?? "");
  const environment = { ...own.environment, GIT_ALTERNATE_OBJECT_DIRECTORIES: `${known}:${borrowed}` };
  const place = { cwd: checkout.workTree, environment, signal };
  // What the user's branch has of the session's commits already is not applied once more.
  const common = await mergeBase(tools, [checkout.head, work.tree.head], place);
  const hasSome = common !== undefined && (await isAncestor(tools, [record.base, common], place));
  const base = hasSome ? common : record.base;
  // Three commits that have this base in common, whatever their histories are.
  const commit = async (content: string, parent?: string): Promise<string> => {
    const args = ["commit-tree", content, ...(parent === undefined ? [] : ["-p", parent]), "-F", "-"];
    return (
      await tools.git.inspect(args, { ...place, environment: { ...environment, ...nobody }, input: "\n" })
    ).stdout.trim();
  };
  const root = await commit(`${base}^{tree}`);
  const ours = await commit(`${checkout.head}^{tree}`, root);
  const merged = await mergeTrees(tools, [ours, await commit(tree, root)], place);
  if (merged.state !== "clean") {
    throw conflicts({
      name,
      target: "what is checked out here",
      files: merged.state === "conflicts" ? merged.files : [],
      fix: [
        `bring the session up to date first: clauderon exec ${name} -- git merge ${checkout.branch ?? checkout.head}`,
        `or apply by hand what fits: clauderon diff ${name} | git -C '${checkout.workTree}' apply --reject`,
      ],
    });
  }
  const changes = await differences(tools, [checkout.head, merged.tree], place);
  const modules = changes.filter(({ before, after }) => before?.mode === GITLINK || after?.mode === GITLINK);
  if (modules.length > 0) {
    throw refused({
      message: `Session ${name} has moved submodules, and those are no files`,
      why: listed(modules.map(({ path }) => path)),
      fix: [`commit in the session and merge: clauderon merge ${name}`],
    });
  }
  const owned = stack.move();
  return {
    isUpToDate: changes.length === 0,
    how: "files",
    changes,
    checkout,
    after: merged.tree,
    environment,
    settings,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const nobody = {
  GIT_AUTHOR_NAME: "clauderon",
  GIT_AUTHOR_EMAIL: "clauderon@localhost",
  GIT_AUTHOR_DATE: "1000000000 +0000",
  GIT_COMMITTER_NAME: "clauderon",
  GIT_COMMITTER_EMAIL: "clauderon@localhost",
  GIT_COMMITTER_DATE: "1000000000 +0000",
};
