import { join } from "node:path";

import type { WorkspaceRecord } from "@clauderon/core/contract";

import { complaintOf } from "../git.ts";
import { indexInfo } from "../index-info.ts";
import { readablePath } from "../porcelain-status.ts";
import { privatePlaces } from "../private/private-places.ts";
import { printable, syncFailed } from "../private/serve-sandbox-git.ts";
import { retryLocked } from "../retry-locked.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { makeVerbatimDirectory } from "./verbatim-directory.ts";

export interface FollowFilesCall {
  /** Which of the two trees: what git sees, or what it ignores. */
  readonly part: "files" | "ignored";
  /** Tree of the sandbox's files, as it was fetched. */
  readonly tree: string;
  readonly signal: AbortSignal;
}

/** The reference of what this machine's copy was last brought to. */
export function laidOutRef(part: FollowFilesCall["part"]): string {
  return `refs/copy/${part}`;
}

export interface Difference {
  /** Bytes, held one per character. */
  readonly path: string;
  readonly mode: string;
  readonly object: string;
}

/**
 * Brings this machine's copy of the files from where it was last brought to what the sandbox has. A file that somebody has changed here stays, and is told. Cut
 * off in the middle, the next call goes on: what has its new content by then needs nothing.
 */
export async function followFiles(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  { part, tree, signal }: FollowFilesCall,
): Promise<readonly string[]> {
  const { git } = tools;
  const { outside } = privatePlaces(record);
  const ref = laidOutRef(part);
  const before = await objectAt(tools, outside, { ref, signal });
  if (before === tree) return [];
  await using own = await makeVerbatimDirectory(tools, record);
  const run = async (index: string, args: readonly string[], input?: string): Promise<string> => {
    const given = input === undefined ? {} : { input: Buffer.from(input, "latin1") };
    const call = { cwd: record.path, environment: own.environment(index), signal, ...given };
    return (await git.inspectBytes(args, call)).toString("latin1");
  };
  const differing = async (index: string, than: string): Promise<readonly Difference[]> =>
    parseRaw(await run(index, ["diff-index", "--cached", "--raw", "--no-renames", "--no-abbrev", "-z", than, "--"]));
  await run("goal", ["read-tree", tree]);
  const start = before ?? (await run("empty", ["mktree"], "")).trim();
  await run("now", ["read-tree", start]);
  const changes = (await differing("goal", start)).filter(({ mode }) => mode !== "160000");
  await readNow(tools, { record, run, paths: changes.map(({ path }) => path), signal });
  const intent = join(outside, `clauderon-${part}.json`);
  const changed = new Set((await differing("now", start)).map(({ path }) => path));
  const begun = parseIntent(await tools.fileSystem.readText(intent));
  // A file that a crash has cut short is no change of anybody's; what it was is in the session's objects.
  const touched = begun === undefined ? new Set<string>() : await pathsOf(run, { start, goal: begun.tree });
  const stays = (await differing("now", tree)).filter(
    ({ path }) => changed.has(path) && (!touched.has(path) || begun?.stays.has(path) === true),
  );
  if (stays.length > 0) {
    const info = indexInfo(stays, tree).toString("latin1");
    await run("goal", ["update-index", "--replace", "-z", "--index-info"], info);
  }
  const [from, to] = [await run("now", ["write-tree"]), await run("goal", ["write-tree"])].map((name) => name.trim());
  await tools.fileSystem.replaceDurably(intent, JSON.stringify({ tree, stays: stays.map(({ path }) => path) }));
  try {
    await run("now", ["read-tree", "-m", "-u", from ?? "", to ?? ""]);
  } catch (error) {
    signal.throwIfAborted();
    const why = printable(complaintOf(error));
    // Git has looked first and written nothing.
    if (/not uptodate|would (?:be overwritten|lose)/u.test(why)) await tools.fileSystem.remove(intent);
    throw syncFailed(`the files in ${record.path} cannot follow the sandbox's`, why, error);
  }
  await retryLocked(() => git.inspect([`--git-dir=${outside}`, "-c", "core.fsync=all", "update-ref", ref, tree]));
  await tools.fileSystem.remove(intent);
  return describe(stays, record);
}

async function objectAt(
  { git }: WorkspaceTools,
  outside: string,
  { ref, signal }: { readonly ref: string; readonly signal: AbortSignal },
): Promise<string | undefined> {
  const args = [`--git-dir=${outside}`, "rev-parse", "--verify", "--quiet", ref];
  const { exitCode, stdout } = await git.inspect(args, { signal, accepts: [0, 1] });
  return exitCode === 0 ? stdout.trim() : undefined;
}

type Run = (index: string, args: readonly string[], input?: string) => Promise<string>;

async function pathsOf(
  run: Run,
  { start, goal }: { readonly start: string; readonly goal: string },
): Promise<ReadonlySet<string>> {
  const output = await run("empty", ["diff-tree", "-r", "--raw", "--no-renames", "--no-abbrev", "-z", start, goal]);
  return new Set(parseRaw(output).map(({ path }) => path));
}

/** `:mode mode object object status NUL path NUL`: of each path what the index has. */
export function parseRaw(output: string): readonly Difference[] {
  const parts = output.split("\0");
  const found: Difference[] = [];
  for (let at = 0; at + 1 < parts.length; at += 2) {
    const [, mode = "", , object = ""] = (parts[at] ?? "").split(" ");
    found.push({ path: parts[at + 1] ?? "", mode, object });
  }
  return found;
}

interface NowCall {
  readonly record: WorkspaceRecord;
  readonly run: Run;
  readonly paths: readonly string[];
  readonly signal: AbortSignal;
}

/** Makes the index say what lies at these paths. What is behind a link or below a file is not there. */
async function readNow({ fileSystem }: WorkspaceTools, { record, run, paths, signal }: NowCall): Promise<void> {
  const directories = new Map<string, boolean>([["", true]]);
  const place = (path: string): Buffer => Buffer.concat([Buffer.from(`${record.path}/`), Buffer.from(path, "latin1")]);
  const isDirectory = async (path: string): Promise<boolean> => {
    const known = directories.get(path);
    if (known !== undefined) return known;
    const isReal = (await isDirectory(parentOf(path))) && (await fileSystem.kindOf(place(path))) === "directory";
    directories.set(path, isReal);
    return isReal;
  };
  const there: string[] = [];
  const gone: string[] = [];
  for (const path of paths) {
    signal.throwIfAborted();
    const kind = (await isDirectory(parentOf(path))) ? await fileSystem.kindOf(place(path)) : "absent";
    (kind === "file" || kind === "link" ? there : gone).push(path);
  }
  const list = (names: readonly string[]): string => names.map((name) => `${name}\0`).join("");
  if (gone.length > 0) await run("now", ["update-index", "--force-remove", "-z", "--stdin"], list(gone));
  if (there.length > 0)
    await run("now", ["update-index", "--add", "--remove", "--replace", "-z", "--stdin"], list(there));
}

function parentOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}

function parseIntent(
  text: string | undefined,
): { readonly tree: string; readonly stays: ReadonlySet<string> } | undefined {
  if (text === undefined) return undefined;
  try {
    const { tree, stays }: Partial<Record<string, unknown>> = { ...(JSON.parse(text) as object | null) };
    if (typeof tree !== "string" || !Array.isArray(stays)) return undefined;
    return { tree, stays: new Set(stays.filter((path): path is string => typeof path === "string")) };
  } catch {
    // Damaged by a disk: what differs counts as changed here, and stays.
    return undefined;
  }
}

function describe(stays: readonly Difference[], { path: place }: WorkspaceRecord): readonly string[] {
  if (stays.length === 0) return [];
  const named = stays.slice(0, 3).map(({ path }) => readablePath(path));
  const names = named.join(", ") + (stays.length > 3 ? ", …" : "");
  return [`changed in ${place} and in the sandbox, so that it stays as it is here: ${names}`];
}
