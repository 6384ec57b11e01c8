import { join } from "node:path";

import { WorkspaceError, type WorkspaceRecord, type WorkspaceStatus } from "@clauderon/core/contract";

import { measureIgnored } from "./ignored-files.ts";
import { countStatus, inspectStatus, SHOWN_NAMES } from "./inspect-status.ts";
import { type GitTree, makeOwnGitDirectory } from "./own-git-directory.ts";
import type { StatusEntry } from "./porcelain-status.ts";
import { countStashes } from "./private/count-stashes.ts";
import { countUnreachedPrivate } from "./private/count-unreached-private.ts";
import { isBehindInside } from "./private/inside-stamp.ts";
import { listPutAside } from "./private/write-git-file.ts";
import { readRemoteState } from "./remote/remote-state.ts";
import { stageWork } from "./stage-work.ts";
import { countUnreached, tipOf } from "./take-down.ts";
import type { UserSettings } from "./user-settings.ts";
import type { WorkspaceClaims } from "./workspace-claims.ts";
import { workspaceMissing } from "./workspace-errors.ts";
import type { WorkspaceClaim } from "./workspace-mark.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";
import { findWorktreeEntry } from "./worktree-entry.ts";

export interface ReadOptions {
  readonly settings: UserSettings;
  readonly claims: WorkspaceClaims;
  readonly signal?: AbortSignal | undefined;
}

/** What the worktree and its branch hold. Never rejects for a workspace that is half there: what cannot be told apart counts as untracked. */
export async function readStatus(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  options: ReadOptions & { readonly ignoredLimitBytes?: number | undefined },
): Promise<WorkspaceStatus> {
  const { signal } = options;
  const exists = (await tools.fileSystem.kindOf(record.path)) === "directory";
  const entry = await findWorktreeEntry(tools.fileSystem, record);
  const claim = entry?.mark === undefined ? undefined : await options.claims.get(entry.mark.sessionId);
  const tip = await tipOf(tools, record, signal);
  const tree = entry === undefined ? undefined : await treeOf(tools, record, { ...entry, signal });
  const tips = [...new Set([tip, tree?.head].filter((commit) => commit !== undefined))];
  const unreachedCommits =
    record.kind !== "worktree"
      ? await countUnreachedPrivate(tools, record, { signal })
      : await countUnreached(tools, record, { tips, signal });
  const nothing = { exists, staged: 0, unstaged: 0, untracked: 0, files: [] };
  if (claim?.phase === "making" || (!exists && record.kind === "worktree")) return { ...nothing, unreachedCommits };
  const isBehind = record.kind === "private" && (await isBehindInside(tools, record));
  const stashes = record.kind !== "worktree" ? await countStashes(tools, record, signal) : 0;
  const commits = { unreachedCommits, ...(stashes === 0 ? {} : { stashes }), ...(isBehind ? { isBehind } : {}) };
  const since = record.kind === "remote" ? (await readRemoteState(tools, record)).since : undefined;
  const away = since === undefined ? {} : { unsynced: { since } };
  // What is elsewhere is there though the files here are gone.
  if (!exists) return { ...nothing, ...commits, ...away };
  if (tree === undefined) {
    const names = (await tools.fileSystem.names(record.path)).filter((name) => name !== ".git");
    return { exists, staged: 0, unstaged: 0, untracked: names.length, ...commits, files: names.slice(0, 20) };
  }
  const entries = await inspectStatus(tools, tree, options);
  const counted = countStatus(await withoutIncluded(tools, record, { entries, claim }));
  const aside = await listPutAside(tools, record);
  const counts = {
    ...counted,
    untracked: counted.untracked + aside.length,
    files: [...aside, ...counted.files].slice(0, SHOWN_NAMES),
  };
  const { ignoredLimitBytes: limitBytes } = options;
  const known = { exists, ...counts, ...commits, ...away };
  if (limitBytes === undefined) return known;
  return {
    ...known,
    ignored: await measureIgnored(tools, tree, { ...options, limitBytes }),
  };
}

/** Copies of the user's own files that nobody has written to since are no work. */
async function withoutIncluded(
  { fileSystem }: WorkspaceTools,
  record: WorkspaceRecord,
  { entries, claim }: { readonly entries: readonly StatusEntry[]; readonly claim: WorkspaceClaim | undefined },
): Promise<readonly StatusEntry[]> {
  const stamps = new Map((claim?.included ?? []).map(({ path, stamp }) => [path, stamp]));
  const work: StatusEntry[] = [];
  for (const entry of entries) {
    const stamp = entry.kind === "untracked" ? stamps.get(entry.path) : undefined;
    const place = Buffer.concat([Buffer.from(`${record.path}/`), Buffer.from(entry.path, "latin1")]);
    if (stamp === undefined || (await fileSystem.stampOf(place)) !== stamp) work.push(entry);
  }
  return work;
}

export async function treeOf(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  {
    gitDirectory,
    commonDirectory = record.commonDirectory,
    signal,
  }: {
    readonly gitDirectory: string;
    /** Default: the repository's. */
    readonly commonDirectory?: string | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<GitTree | undefined> {
  const args = [`--git-dir=${gitDirectory}`, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"];
  const { exitCode, stdout } = await tools.git.inspect(args, { signal, accepts: [0, 1, 128] });
  if (exitCode === 128) return undefined;
  // On a branch without a commit everything counts since the base.
  return {
    workTree: record.path,
    gitDirectory,
    commonDirectory,
    head: exitCode === 0 ? stdout.trim() : record.base,
  };
}

export interface DiffOptions extends ReadOptions {
  readonly format?: "patch" | "stat" | "names" | undefined;
  readonly base?: string | undefined;
}

const formats = { patch: ["--patch"], stat: ["--stat"], names: ["--name-only"] } as const;

/** Everything since the base, put together in an index and an object store that are thrown away afterwards. */
export async function readDiff(tools: WorkspaceTools, record: WorkspaceRecord, options: DiffOptions): Promise<string> {
  const { settings, signal } = options;
  const entry = await findWorktreeEntry(tools.fileSystem, record);
  const exists = (await tools.fileSystem.kindOf(record.path)) === "directory";
  const tree = entry === undefined || !exists ? undefined : await treeOf(tools, record, { ...entry, signal });
  if (tree === undefined) throw workspaceMissing(record);
  const base =
    options.base === undefined ? record.base : await resolveBase(tools, tree, { base: options.base, signal });
  const claim = entry?.mark === undefined ? undefined : await options.claims.get(entry.mark.sessionId);
  const entries = await inspectStatus(tools, tree, { settings, signal });
  const changed = await withoutIncluded(tools, record, { entries, claim });
  await using own = await makeOwnGitDirectory(tools, tree, { use: "scratch", settings: await settings.read(signal) });
  const call = { cwd: tree.workTree, environment: own.environment, signal };
  await stageWork(tools, tree, { own, entries: changed, lfs: "pointers", signal });
  const args = [
    "-c",
    "core.quotePath=false",
    "diff",
    "--cached",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--find-renames",
    "--submodule=short",
    "--ignore-submodules=dirty",
    ...formats[options.format ?? "patch"],
    base,
    "--",
  ];
  return (await tools.git.inspect(args, call)).stdout;
}

async function resolveBase(
  tools: WorkspaceTools,
  tree: GitTree,
  { base, signal }: { readonly base: string; readonly signal?: AbortSignal | undefined },
): Promise<string> {
  const isAllowed = base !== "" && !base.startsWith("-") && !base.includes("\0");
  const args = [
    `--git-dir=${tree.gitDirectory}`,
    "rev-parse",
    "--verify",
    "--quiet",
    "--end-of-options",
    `${base}^{commit}`,
  ];
  const result = isAllowed ? await tools.git.inspect(args, { signal, accepts: [0, 1, 128] }) : undefined;
  if (result?.exitCode === 0) return result.stdout.trim();
  throw new WorkspaceError({
    code: "workspace.base-not-found",
    message: `${JSON.stringify(base)} is not a commit of ${join(tree.workTree)}`,
    fix: [
      "leave out --base to see everything since the session began",
      `see what there is: git -C '${tree.workTree}' branch --all`,
    ],
    context: { base },
  });
}
