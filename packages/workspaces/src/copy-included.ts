import { lstat } from "node:fs/promises";
import { join } from "node:path";

import { WorkspaceError, type WorkspaceCreation, type WorkspaceInclude } from "@clauderon/core/contract";

import { copyConfined } from "./copy-confined.ts";
import type { InspectOptions } from "./inspect-status.ts";
import { type GitTree, makeOwnGitDirectory } from "./own-git-directory.ts";
import { readablePath } from "./porcelain-status.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

/** A copied file as it was right after; the path is bytes, held one per character. */
export interface IncludedFile {
  readonly path: string;
  readonly stamp: string;
}

export interface IncludeOutcome extends WorkspaceCreation {
  readonly files: readonly IncludedFile[];
}

export interface IncludeTrees {
  /** The user's checkout; only read. */
  readonly source: GitTree;
  readonly target: GitTree;
}

/** In a checkout: patterns of the files that come along into new workspaces. */
export const INCLUDE_FILE = ".worktreeinclude";
const MAX_FILES = 1000;
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_PATTERN_BYTES = 64 * 1024;
/** Sentences about files that were left out; the rest is counted. */
const MAX_NOTICES = 5;

/** Copies the untracked files that the patterns name, ignored ones included, to where the target has nothing. */
export async function copyIncluded(
  tools: WorkspaceTools,
  { source, target }: IncludeTrees,
  { include, ...options }: InspectOptions & { readonly include: WorkspaceInclude },
): Promise<IncludeOutcome> {
  const patterns = await patternsOf(tools, source, include);
  if (patterns.trim() === "") return { copied: [], notices: [], files: [] };
  const paths = await matching(tools, source, { patterns, ...options });
  if (paths.length === 0) return { copied: [], notices: [], files: [] };
  await refuseTooMuch(source, paths);
  const tracked = await trackedPaths(tools, target, options);
  const files: IncludedFile[] = [];
  const notices: string[] = [];
  for (const path of paths) {
    options.signal?.throwIfAborted();
    if (isTracked(tracked, path)) {
      notices.push(`${readablePath(path)} was not copied: the session's commit has a file of its own there`);
      continue;
    }
    const bytes = Buffer.from(path, "latin1");
    const outcome = await copyConfined({ from: source.workTree, to: target.workTree, path: bytes });
    if (outcome === "leads-out")
      notices.push(`${readablePath(path)} was not copied: it is a link that leads out of the repository`);
    if (outcome !== "copied") continue;
    const place = Buffer.concat([Buffer.from(`${target.workTree}/`), bytes]);
    files.push({ path, stamp: await tools.fileSystem.stampOf(place) });
  }
  return { copied: files.map(({ path }) => readablePath(path)), notices: shortened(notices), files };
}

function shortened(notices: readonly string[]): readonly string[] {
  if (notices.length <= MAX_NOTICES) return notices;
  const rest = String(notices.length - MAX_NOTICES);
  return [...notices.slice(0, MAX_NOTICES), `${rest} more files were not copied for the same reasons`];
}

async function patternsOf(
  { fileSystem }: WorkspaceTools,
  source: GitTree,
  { patterns, isFileRead }: WorkspaceInclude,
): Promise<string> {
  const path = join(source.workTree, INCLUDE_FILE);
  const hasFile = isFileRead && (await fileSystem.kindOf(path)) === "file";
  if (hasFile && (await lstat(path)).size > MAX_PATTERN_BYTES)
    throw refused(`${path} is longer than ${String(MAX_PATTERN_BYTES / 1024)} KiB`, ["write fewer patterns into it"]);
  const text = hasFile ? ((await fileSystem.readText(path)) ?? "") : "";
  return [text, ...patterns].map((lines) => `${lines}\n`).join("");
}

/** As git sees it: nothing tracked, nothing of nested repositories, no link followed. */
async function matching(
  tools: WorkspaceTools,
  source: GitTree,
  { patterns, settings, signal }: InspectOptions & { readonly patterns: string },
): Promise<readonly string[]> {
  await using own = await makeOwnGitDirectory(tools, source, { use: "read", settings: await settings.read(signal) });
  const file = join(own.environment["GIT_DIR"] ?? "", "include");
  await tools.fileSystem.writeText(file, patterns);
  const args = ["ls-files", "--others", "--ignored", `--exclude-from=${file}`, "-z"];
  const output = await tools.git.inspectBytes(args, { cwd: source.workTree, environment: own.environment, signal });
  return listed(output).filter((path) => !path.endsWith("/"));
}

async function trackedPaths(
  tools: WorkspaceTools,
  target: GitTree,
  { settings, signal }: InspectOptions,
): Promise<ReadonlySet<string>> {
  await using own = await makeOwnGitDirectory(tools, target, { use: "read", settings: await settings.read(signal) });
  const call = { cwd: target.workTree, environment: own.environment, signal };
  return new Set(listed(await tools.git.inspectBytes(["ls-files", "--cached", "-z"], call)));
}

/** A tracked file in the place of a directory on the way counts, too: a sparse checkout may have left it out. */
function isTracked(tracked: ReadonlySet<string>, path: string): boolean {
  const names = path.split("/");
  return names.some((_name, index) => tracked.has(names.slice(0, index + 1).join("/")));
}

function listed(output: Buffer): readonly string[] {
  return output
    .toString("latin1")
    .split("\0")
    .filter((path) => path !== "");
}

async function refuseTooMuch(source: GitTree, paths: readonly string[]): Promise<void> {
  const examples = `, as in ${paths.slice(0, 3).map(readablePath).join(", ")}`;
  if (paths.length > MAX_FILES)
    throw refused(
      `${String(paths.length)} untracked files of ${source.workTree} are to be copied; at most ${String(MAX_FILES)} are`,
      narrower,
      examples,
    );
  let bytes = 0;
  for (const path of paths) {
    const place = Buffer.concat([Buffer.from(`${source.workTree}/`), Buffer.from(path, "latin1")]);
    bytes += (await lstat(place).catch(() => undefined))?.size ?? 0;
  }
  if (bytes > MAX_BYTES)
    throw refused(
      `The untracked files of ${source.workTree} that are to be copied have ${String(Math.ceil(bytes / 1024 / 1024))} MiB; at most ${String(MAX_BYTES / 1024 / 1024)} MiB are copied`,
      narrower,
      examples,
    );
}

const narrower: readonly [string, ...string[]] = [
  `narrow the patterns in ${INCLUDE_FILE} or in workspace.include; a leading / names the repository's root alone`,
  "let a setup command make what is large: clauderon config set workspace.setup 'npm ci'",
];

function refused(message: string, fix: readonly [string, ...string[]], examples = ""): WorkspaceError {
  return new WorkspaceError({
    code: "workspace.include-refused",
    message,
    why: `${INCLUDE_FILE} and workspace.include are for small files such as .env${examples}`,
    fix,
  });
}
