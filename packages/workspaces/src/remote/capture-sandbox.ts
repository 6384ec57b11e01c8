import type { Sandbox, WorkspaceSync } from "@clauderon/core/contract";

import { parsePorcelainStatus, readablePath, type StatusEntry } from "../porcelain-status.ts";
import { filesRef, ignoredRef } from "../private/fetch-sandbox.ts";
import { execGit, execInside, parseSandboxState, type WholeSandboxState } from "../private/sandbox-state.ts";
import { syncFailed } from "../private/serve-sandbox-git.ts";
import { pathList, treePaths, type TreePaths } from "./tree-paths.ts";
import { verbatimAttributes } from "./verbatim-directory.ts";

/** What a sandbox that shares no files with this machine has. */
export interface CapturedSandbox {
  readonly state: WholeSandboxState;
  /** What cannot be brought out, a sentence each. */
  readonly left: readonly string[];
  readonly ignored?: WorkspaceSync["ignored"];
}

interface CaptureCall {
  /** Where git inside is to look. */
  readonly environment: Readonly<Record<string, string>>;
  readonly ignoredLimitBytes?: number | undefined;
  readonly signal: AbortSignal;
}

const STATUS = ["status", "--porcelain=v2", "--branch", "-z", "--no-renames", "--untracked-files=all"];
const HASH = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/u;

/** Puts the working tree, as it is, under references that a fetch can ask for; index, files and HEAD of the sandbox are only read. */
export async function captureSandbox(sandbox: Pick<Sandbox, "exec">, call: CaptureCall): Promise<CapturedSandbox> {
  const { environment, signal } = call;
  const output = await execGit(sandbox, {
    args: [...STATUS, "--ignore-submodules=dirty", "--show-stash"],
    environment,
    signal,
  });
  // What a sparse checkout leaves out is in the copy.
  const state = { ...parseSandboxState(output), leftOut: [] };
  const entries = parsePorcelainStatus(output);
  const scratch = await prepareVerbatim(sandbox, call);
  const writing = { scratch, environment, signal };
  await nameTree(sandbox, { ...writing, start: state.commit, paths: treePaths(entries), ref: filesRef });
  const ignored = await measureIgnoredInside(sandbox, call);
  if (ignored?.isMore === false) {
    const files = (await listIgnored(sandbox, call)).filter((path) => !path.endsWith("/"));
    await nameTree(sandbox, { ...writing, start: undefined, paths: { gone: [], there: files }, ref: ignoredRef });
  }
  return { state, left: [...nestedIn(entries), ...(await operationIn(sandbox, call))], ignored };
}

async function listIgnored(
  sandbox: Pick<Sandbox, "exec">,
  { environment, signal }: CaptureCall,
  options: readonly string[] = [],
): Promise<readonly string[]> {
  const args = ["ls-files", "--others", "--ignored", "--exclude-standard", ...options, "-z"];
  const output = await execGit(sandbox, { args, environment, signal });
  return output
    .toString("latin1")
    .split("\0")
    .filter((path) => path !== "");
}

const PATHS_AT_ONCE = 200;

/** Only where it is asked for. A path that arguments cannot say counts for nothing. */
async function measureIgnoredInside(
  sandbox: Pick<Sandbox, "exec">,
  call: CaptureCall,
): Promise<WorkspaceSync["ignored"]> {
  const { ignoredLimitBytes: limitBytes, signal } = call;
  if (limitBytes === undefined) return undefined;
  const listed = await listIgnored(sandbox, call, ["--directory"]);
  const paths = listed.map((path) => Buffer.from(path, "latin1").toString()).filter((path) => !path.includes("\uFFFD"));
  let bytes = 0;
  for (let at = 0; at < paths.length; at += PATHS_AT_ONCE) {
    const some = paths.slice(at, at + PATHS_AT_ONCE).map((path) => `./${path}`);
    const output = (await execInside(sandbox, { argv: ["du", "-skx", ...some], accepts: [0, 1], signal })).toString(
      "latin1",
    );
    for (const line of output.split("\n")) bytes += Number(/^(\d+)\t/u.exec(line)?.[1] ?? 0) * 1024;
    if (bytes > limitBytes) return { bytes: limitBytes, isMore: true };
  }
  return { bytes, isMore: false };
}

function nestedIn(entries: readonly StatusEntry[]): readonly string[] {
  const nested = entries.flatMap(({ path }) => (path.endsWith("/") ? [readablePath(path)] : []));
  if (nested.length === 0) return [];
  const named = nested.slice(0, 3).join(", ") + (nested.length > 3 ? ", …" : "");
  return [`repositories inside the sandbox's working tree stay there: ${named}`];
}

const operations = ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply", "BISECT_LOG"];

async function operationIn(sandbox: Pick<Sandbox, "exec">, { signal }: CaptureCall): Promise<readonly string[]> {
  const names = (await execInside(sandbox, { argv: ["ls", "-A", "--", ".git"], signal }))
    .toString("latin1")
    .split("\n");
  const found = operations.find((name) => names.includes(name));
  if (found === undefined) return [];
  const what = found
    .toLowerCase()
    .replace(/_head$|_log$|-merge$|-apply$/u, "")
    .replace("_", "-");
  return [`a ${what} is in progress inside the sandbox: its files come out, its state stays there`];
}

/** A git directory inside for reading and writing files as they are; in the sandbox's own, where no `git status` sees it. */
export async function prepareVerbatim(
  sandbox: Pick<Sandbox, "exec">,
  { environment, signal }: Pick<CaptureCall, "environment" | "signal">,
): Promise<string> {
  const asked = await execGit(sandbox, { args: ["rev-parse", "--absolute-git-dir"], environment, signal });
  const directory = asked.toString().replace(/\n$/u, "");
  if (!directory.startsWith("/") || /\p{Cc}/u.test(directory))
    throw syncFailed("git inside the sandbox names no place of its git directory");
  const scratch = `${directory}/clauderon/verbatim`;
  const input = Buffer.from(verbatimAttributes);
  const write = (): Promise<Buffer> =>
    execInside(sandbox, { argv: ["tee", "--", `${scratch}/info/attributes`], input, signal });
  try {
    await write();
  } catch {
    // The first time, or somebody has removed it.
    signal.throwIfAborted();
    const format = await execGit(sandbox, { args: ["rev-parse", "--show-object-format"], environment, signal });
    const isSha256 = format.toString().startsWith("sha256");
    await execGit(sandbox, {
      args: ["init", "--quiet", "--bare", "--template=", ...(isSha256 ? ["--object-format=sha256"] : []), scratch],
      signal,
    });
    await execInside(sandbox, { argv: ["mkdir", "-p", "--", `${scratch}/info`], signal });
    await write();
  }
  return scratch;
}

/** Makes git inside use that directory, with the objects of the sandbox's own and the index of that name. */
export function verbatimInside(scratch: string, index: string): Readonly<Record<string, string>> {
  return {
    GIT_DIR: scratch,
    GIT_WORK_TREE: ".",
    GIT_OBJECT_DIRECTORY: `${scratch}/../../objects`,
    GIT_INDEX_FILE: `${scratch}/${index}`,
  };
}

interface TreeCall {
  readonly scratch: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly start: string | undefined;
  readonly paths: TreePaths;
  readonly ref: string;
  readonly signal: AbortSignal;
}

async function nameTree(sandbox: Pick<Sandbox, "exec">, call: TreeCall): Promise<void> {
  const { scratch, environment, start, paths, ref, signal } = call;
  const own = { environment: verbatimInside(scratch, "index"), signal };
  await execGit(sandbox, { args: ["read-tree", ...(start === undefined ? ["--empty"] : [start])], ...own });
  const put = async (options: readonly string[], names: readonly string[]): Promise<void> => {
    if (names.length === 0) return;
    const args = ["update-index", ...options, "-z", "--stdin"];
    await execGit(sandbox, { args, input: pathList(names), ...own });
  };
  await put(["--force-remove"], paths.gone);
  await put(["--add", "--remove", "--replace"], paths.there);
  const tree = (await execGit(sandbox, { args: ["write-tree"], ...own })).toString("latin1").trim();
  if (!HASH.test(tree)) throw syncFailed("git inside the sandbox names no tree of its files");
  await execGit(sandbox, { args: ["update-ref", ref, tree], environment, signal });
}
