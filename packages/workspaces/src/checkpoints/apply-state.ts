import { join } from "node:path";

import { lookUpBranch } from "../branch-lookup.ts";
import { branchNames, freeBranchName } from "../branch-names.ts";
import { newIndexOf } from "../results/index-lock.ts";
import { bytesOf, deepestFirst } from "../results/paths.ts";
import { branchCommit, placeOf } from "../results/user-checkout.ts";
import { retryLocked } from "../retry-locked.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import type { ReadState } from "./checkpoint-changes.ts";
import type { RestoreNote } from "./checkpoint-record.ts";
import { stateIn } from "./git-state.ts";

export interface ApplyCall {
  readonly note: RestoreNote;
  /** What is to be. */
  readonly state: ReadState;
  /** Where its index and its operations in progress lie. */
  readonly staged: string;
  /** Empty directories of the other state go. */
  readonly other: ReadState;
}

/** Directories, index, operations in progress, HEAD. The index's lock is held. Idempotent. Says what could not be made as it was. */
export async function applyState(tools: WorkspaceTools, call: ApplyCall): Promise<readonly string[]> {
  const { fileSystem } = tools;
  const { note, state, staged } = call;
  await applyDirectories(tools, call);
  await placeIndex(tools, { gitDirectory: note.gitDirectory, state, staged, name: note.before });
  for (const path of await stateIn(tools, note.gitDirectory)) await fileSystem.remove(join(note.gitDirectory, path));
  // Git asks every worktree's entry for its references.
  await copyState(tools, join(staged, "state"), note.gitDirectory);
  await fileSystem.sync(note.gitDirectory);
  return moveHead(tools, note, call);
}

interface IndexCall {
  readonly gitDirectory: string;
  readonly state: ReadState;
  /** Where it lies. */
  readonly staged: string;
  /** Of what it is called until it takes its place. */
  readonly name: string;
}

/** With the time that it had: git looks again at what was written at the same time. */
export async function placeIndex(
  { fileSystem }: WorkspaceTools,
  { gitDirectory, state, staged, name }: IndexCall,
): Promise<void> {
  const index = join(gitDirectory, "index");
  if (!state.hasIndex) return fileSystem.remove(index);
  const made = newIndexOf({ workTree: "", gitDirectory }, name);
  await fileSystem.copyEntry(Buffer.from(join(staged, "index")), Buffer.from(made));
  await fileSystem.setWrittenAt(made, state.manifest.indexSeconds * 1000);
  await fileSystem.sync(made);
  await fileSystem.rename(made, index);
}

async function copyState({ fileSystem, ...rest }: WorkspaceTools, from: string, to: string): Promise<void> {
  for (const name of await fileSystem.names(from)) {
    const [source, place] = [join(from, name), join(to, name)];
    if ((await fileSystem.kindOf(source)) === "directory") {
      await fileSystem.makeDirectory(place);
      await copyState({ fileSystem, ...rest }, source, place);
    } else await fileSystem.copyEntry(Buffer.from(source), Buffer.from(place));
  }
}

type DirectoriesCall = Pick<ApplyCall, "state" | "other"> & { readonly note: Pick<RestoreNote, "workTree"> };

export async function applyDirectories(
  { fileSystem }: WorkspaceTools,
  { note, state, other }: DirectoriesCall,
): Promise<void> {
  const wanted = Object.entries(state.manifest.directories);
  const gone = Object.keys(other.manifest.directories).filter((path) => state.manifest.directories[path] === undefined);
  const isDirectory = async (path: string): Promise<boolean> =>
    (await fileSystem.kindOf(bytesOf(note.workTree, path))) === "directory";
  for (const path of deepestFirst(gone))
    if (await isDirectory(path)) await fileSystem.removeIfEmpty(bytesOf(note.workTree, path));
  for (const [path] of wanted.toSorted(([left], [right]) => left.length - right.length)) {
    if ((await fileSystem.kindOf(bytesOf(note.workTree, path))) === "absent")
      await fileSystem.makeDirectory(bytesOf(note.workTree, path));
  }
  for (const path of deepestFirst(wanted.map(([name]) => name))) {
    const mode = state.manifest.directories[path];
    const place = bytesOf(note.workTree, path);
    const now = (await isDirectory(path)) ? await fileSystem.modeOf(place) : undefined;
    if (now !== undefined && mode !== undefined && (now & 0o7777) !== mode) await fileSystem.setMode(place, mode);
  }
}

/** The session's own branch moves; another one that is elsewhere by now stays, and its commit is checked out alone. */
async function moveHead(
  tools: WorkspaceTools,
  note: RestoreNote,
  { state: { record, manifest }, other }: Pick<ApplyCall, "state" | "other">,
): Promise<readonly string[]> {
  const { commonDirectory, gitDirectory } = note;
  const git = async (args: readonly string[]): Promise<void> => {
    await retryLocked(() =>
      tools.git.act([`--git-dir=${gitDirectory}`, "-c", "core.fsync=all", ...args], { cwd: commonDirectory }),
    );
  };
  const message = ["-m", "clauderon checkpoint restore"];
  const ref = manifest.headRef;
  const branch = ref?.slice("refs/heads/".length);
  const detach = async (why: string): Promise<readonly string[]> => {
    if (record.head === undefined) return [`HEAD stays where it is: ${why}`];
    await git(["update-ref", ...message, "--no-deref", "HEAD", record.head]);
    return [`HEAD is at ${record.head.slice(0, 12)}, without a branch: ${why}`];
  };
  if (ref === undefined || branch === undefined) {
    if (record.head !== undefined) await git(["update-ref", ...message, "--no-deref", "HEAD", record.head]);
    return [];
  }
  const now = await branchCommit(tools, commonDirectory, branch);
  const place = await placeOf(tools, commonDirectory, branch);
  // Git takes a git directory that is nobody's `.git` for a worktree.
  const isHere = place === note.workTree || place === gitDirectory;
  if (place !== undefined && !isHere) return detach(`the branch ${branch} is checked out at ${place}`);
  if (branch !== note.branch && now !== record.head) return detach(`the branch ${branch} was moved meanwhile`);
  const found = now === undefined ? await lookUpBranch(tools, commonDirectory, branch) : undefined;
  if (found?.state === "blocked") return detach(`the branch ${found.by} is in the way of the name ${branch}`);
  // What was checked out the other checkpoint keeps.
  const known = [record.head, other.record.head].filter((commit) => commit !== undefined);
  const notices = now === undefined ? [] : await keepTip(tools, note, { branch, tip: now, known });
  await git(["symbolic-ref", ...message, "HEAD", ref]);
  if (record.head === undefined) {
    if (now !== undefined) await git(["update-ref", ...message, "-d", ref, now]);
  } else if (now !== record.head) await git(["update-ref", ...message, ref, record.head]);
  return notices;
}

/** Commits of a branch that is about to be moved, and that nothing else reaches, on a branch of their own. */
async function keepTip(
  { git }: WorkspaceTools,
  { commonDirectory }: RestoreNote,
  { branch, tip, known }: { readonly branch: string; readonly tip: string; readonly known: readonly string[] },
): Promise<readonly string[]> {
  if (known.includes(tip)) return [];
  const directory = `--git-dir=${commonDirectory}`;
  const reached = [`--exclude=${branch}`, "--branches", "--tags", "--remotes"];
  const counted = await git.inspect([directory, "rev-list", "--count", tip, "--not", ...known, ...reached]);
  const count = Number(counted.stdout.trim());
  if (count === 0) return [];
  const listed = await git.inspect([directory, "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads"]);
  const name = freeBranchName(`${branch}-replaced`, branchNames(listed.stdout.split("\n").filter(Boolean)));
  // The empty old value: only if nobody has made it meanwhile.
  const args = [directory, "-c", "core.fsync=all", "update-ref", `refs/heads/${name}`, tip, ""];
  await retryLocked(() => git.act(args, { cwd: commonDirectory }));
  const commits = count === 1 ? "1 commit" : `${String(count)} commits`;
  return [`${commits} of ${branch} that nothing else reaches: on the branch ${name}`];
}
