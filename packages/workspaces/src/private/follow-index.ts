import { join } from "node:path";

import type { WorkspaceRecord } from "@clauderon/core/contract";
import { isProcessRunning } from "@clauderon/core/host";

import { indexInfo } from "../index-info.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { digestOfIndex } from "./followed-state.ts";
import { hideGitlinks } from "./hide-gitlinks.ts";
import { privatePlaces } from "./private-places.ts";
import type { StagedEntry } from "./sandbox-state.ts";

/** Git's own lock on the index, held so that no git of the user's writes it meanwhile. */
export interface IndexLock extends AsyncDisposable {
  /** Puts the file in the index's place and lets go. */
  replaceBy(file: string): Promise<void>;
}

const HOLDER = "clauderon ";

/** `undefined` while a git of the user's has it. One that a process which died has left is taken over. */
export async function lockIndex(
  { fileSystem, logger }: WorkspaceTools,
  outside: string,
): Promise<IndexLock | undefined> {
  const lock = join(outside, "index.lock");
  const text = (await fileSystem.readText(lock)) ?? "";
  // A lock that names anything else than a process is another's: a merge's, or a restoration's.
  const named = new RegExp(`^${HOLDER}(\\d+)$`, "u").exec(text)?.[1];
  const holder = named === undefined ? undefined : Number(named);
  // Syncs of a workspace wait for each other in this process: what it holds by now it could not remove.
  if (holder !== undefined && (holder === process.pid || !isProcessRunning(holder))) await fileSystem.remove(lock);
  if (!(await fileSystem.claim(lock, `${HOLDER}${String(process.pid)}`))) return undefined;
  return {
    replaceBy: async (file) => {
      await fileSystem.sync(file);
      await fileSystem.rename(file, join(outside, "index"));
    },
    [Symbol.asyncDispose]: async () => {
      try {
        await fileSystem.remove(lock);
      } catch (error) {
        // The next sync knows it as ours.
        logger.warn({ lock, error: String(error) }, "a lock stays until the next sync");
      }
    },
  };
}

export interface NewIndex {
  readonly file: string;
  readonly digest: string;
  /** Staged entries whose content did not come. */
  readonly missing: number;
}

/** Writes the index that the sandbox has to a file beside; what has not changed keeps what git knows of the files. */
export async function writeIndex(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  call: {
    readonly commit?: string | undefined;
    readonly staged: readonly StagedEntry[];
    readonly leftOut: readonly string[];
    readonly signal: AbortSignal;
  },
): Promise<NewIndex> {
  const { fileSystem, git } = tools;
  const { outside } = privatePlaces(record);
  const { commit, staged, leftOut, signal } = call;
  const file = join(outside, "index.clauderon");
  await fileSystem.remove(file);
  await fileSystem.remove(`${file}.lock`);
  await fileSystem.copyEntry(Buffer.from(join(outside, "index")), Buffer.from(file));
  const environment = { GIT_DIR: outside, GIT_WORK_TREE: record.path, GIT_INDEX_FILE: file };
  const options = { cwd: record.path, environment, signal };
  await git.inspect(commit === undefined ? ["read-tree", "--empty"] : ["read-tree", "--reset", commit], options);
  const present = await withContent(tools, outside, { staged, signal });
  if (present.length > 0)
    await git.inspect(["update-index", "-z", "--index-info"], {
      ...options,
      input: indexInfo(present, record.base),
    });
  await leaveOut(tools, record, { file, leftOut, signal });
  await hideGitlinks(tools, { gitDirectory: outside, workTree: record.path }, { index: file, signal });
  return {
    file,
    digest: await digestOfIndex(tools, record, { file, signal }),
    missing: staged.length - present.length,
  };
}

/** What a sparse checkout inside leaves out is left out here, too, as long as nothing is in its place: a flag hides no change. */
async function leaveOut(
  { fileSystem, git }: WorkspaceTools,
  record: WorkspaceRecord,
  {
    file,
    leftOut,
    signal,
  }: { readonly file: string; readonly leftOut: readonly string[]; readonly signal: AbortSignal },
): Promise<void> {
  const environment = { GIT_DIR: privatePlaces(record).outside, GIT_WORK_TREE: record.path, GIT_INDEX_FILE: file };
  const options = { cwd: record.path, environment, signal };
  const listed = (await git.inspectBytes(["ls-files", "-t", "-z"], options)).toString("latin1").split("\0");
  const known = new Map(listed.map((line) => [line.slice(2), line.startsWith("S ")]));
  const wanted = new Set<string>();
  for (const path of leftOut) {
    const place = Buffer.concat([Buffer.from(`${record.path}/`), Buffer.from(path, "latin1")]);
    if (known.has(path) && (await fileSystem.kindOf(place)) === "absent") wanted.add(path);
  }
  const mark = async (flag: string, paths: readonly string[]): Promise<void> => {
    if (paths.length === 0) return;
    const input = Buffer.from(paths.map((path) => `${path}\0`).join(""), "latin1");
    await git.inspect(["update-index", flag, "-z", "--stdin"], { ...options, input });
  };
  await mark(
    "--no-skip-worktree",
    [...known].flatMap(([path, is]) => (is && !wanted.has(path) ? [path] : [])),
  );
  await mark(
    "--skip-worktree",
    [...wanted].filter((path) => known.get(path) === false),
  );
}

async function withContent(
  { git }: WorkspaceTools,
  outside: string,
  { staged, signal }: { readonly staged: readonly StagedEntry[]; readonly signal: AbortSignal },
): Promise<readonly StagedEntry[]> {
  const needsNone = ({ mode }: StagedEntry): boolean => mode === "000000" || mode === "160000";
  const asked = [...new Set(staged.filter((entry) => !needsNone(entry)).map(({ object }) => object))];
  if (asked.length === 0) return staged;
  const args = [`--git-dir=${outside}`, "cat-file", "--batch-check=%(objecttype) %(objectname)"];
  const { stdout } = await git.inspect(args, { input: `${asked.join("\n")}\n`, signal });
  const found = new Set(
    stdout
      .split("\n")
      .filter((line) => line.startsWith("blob "))
      .map((line) => line.slice(5)),
  );
  return staged.filter((entry) => needsNone(entry) || found.has(entry.object));
}
