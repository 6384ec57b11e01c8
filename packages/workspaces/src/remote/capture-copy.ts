import type { WorkspaceRecord } from "@clauderon/core/contract";

import { makeOwnGitDirectory } from "../own-git-directory.ts";
import { parsePorcelainStatus } from "../porcelain-status.ts";
import { privatePlaces } from "../private/private-places.ts";
import { parseSandboxState, type StagedEntry } from "../private/sandbox-state.ts";
import { readHead } from "../read-head.ts";
import { treeOf } from "../read-workspace.ts";
import type { UserSettings } from "../user-settings.ts";
import { workspaceMissing } from "../workspace-errors.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { laidOutRef, parseRaw } from "./follow-files.ts";
import { pathList, treePaths, type TreePaths } from "./tree-paths.ts";
import { makeVerbatimDirectory } from "./verbatim-directory.ts";

/** What this machine's copy holds, as objects that a push can carry. */
export interface CapturedCopy {
  /** Commit of HEAD; absent on a branch without commits. */
  readonly head?: string | undefined;
  /** What `files` and `staged` are said beside. */
  readonly start: string;
  /** Full name; absent when detached. */
  readonly branch?: string | undefined;
  /** Trees of all files that git sees, and of those that it ignores. */
  readonly files: string;
  readonly ignored: string;
  /** Paths that are in `files` and that `start` has otherwise, or not: bytes, held one per character. */
  readonly changed: readonly string[];
  readonly staged: readonly StagedEntry[];
  /** Tree of the staged contents, named by their objects. */
  readonly stagedContents: string;
}

const GITLINK = "160000";

/** Reads files as they are and writes objects into the session's own; the copy itself is only read. */
export async function captureCopy(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  { settings, signal }: { readonly settings: UserSettings; readonly signal: AbortSignal },
): Promise<CapturedCopy> {
  const { git } = tools;
  const { outside } = privatePlaces(record);
  const tree = await treeOf(tools, record, { gitDirectory: outside, commonDirectory: outside, signal });
  if (tree === undefined) throw workspaceMissing(record);
  const { commit: head, ref: branch } = await readHead(tools, outside, signal);
  await using read = await makeOwnGitDirectory(tools, tree, { use: "read", settings: await settings.read(signal) });
  const reading = { cwd: record.path, environment: read.environment, signal };
  const output = await git.inspectBytes(
    [
      "status",
      "--porcelain=v2",
      "--branch",
      "-z",
      "--no-renames",
      "--untracked-files=all",
      "--ignore-submodules=dirty",
    ],
    reading,
  );
  const listed = await git.inspectBytes(["ls-files", "--others", "--ignored", "--exclude-standard", "-z"], reading);
  const ignored = listed.toString("latin1").split("\0");
  await using own = await makeVerbatimDirectory(tools, record);
  const write = async (index: string, args: readonly string[], input?: string): Promise<string> => {
    const given = input === undefined ? {} : { input: Buffer.from(input, "latin1") };
    const call = { cwd: record.path, environment: own.environment(index), signal, ...given };
    return (await git.inspect(args, call)).stdout.trim();
  };
  const treeFrom = async (index: string, start: string, { gone, there }: TreePaths): Promise<string> => {
    await write(index, ["read-tree", start]);
    const put = async (options: readonly string[], names: readonly string[]): Promise<void> => {
      if (names.length === 0) return;
      await write(index, ["update-index", ...options, "-z", "--stdin"], pathList(names).toString("latin1"));
    };
    await put(["--force-remove"], gone);
    await put(["--add", "--remove", "--replace"], there);
    return write(index, ["write-tree"]);
  };
  const { staged } = parseSandboxState(output);
  const contents = new Set(
    staged.flatMap(({ mode, object }) => (mode === "000000" || mode === GITLINK ? [] : [object])),
  );
  // On a branch without commits what git says is said beside the base.
  const files = await treeFrom("files", tree.head, treePaths(parsePorcelainStatus(output)));
  const raw = ["diff-index", "--cached", "--raw", "--no-renames", "--no-abbrev", "-z", tree.head, "--"];
  const differing = await git.inspectBytes(raw, { cwd: record.path, environment: own.environment("files"), signal });
  return {
    head,
    branch,
    start: tree.head,
    files,
    ignored: await treeFrom("ignored", "--empty", {
      gone: [],
      there: ignored.filter((path) => path !== "" && !path.endsWith("/")),
    }),
    changed: parseRaw(differing.toString("latin1")).flatMap(({ path, mode }) => (mode === "000000" ? [] : [path])),
    staged,
    stagedContents: await write(
      "staged",
      ["mktree"],
      [...contents].map((object) => `100644 blob ${object}\t${object}\n`).join(""),
    ),
  };
}

/** From now on what differs from this was changed here. */
export async function markLaidOut(
  { git }: WorkspaceTools,
  record: WorkspaceRecord,
  { files, ignored }: Pick<CapturedCopy, "files" | "ignored">,
): Promise<void> {
  const lines = [`update ${laidOutRef("files")} ${files}`, `update ${laidOutRef("ignored")} ${ignored}`];
  const input = ["start", ...lines, "prepare", "commit", ""].join("\n");
  await git.inspect([`--git-dir=${privatePlaces(record).outside}`, "-c", "core.fsync=all", "update-ref", "--stdin"], {
    input,
  });
}
