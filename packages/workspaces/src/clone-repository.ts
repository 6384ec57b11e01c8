import { randomUUID } from "node:crypto";
import { basename, dirname, join } from "node:path";

import { type RepositoryInfo, WorkspaceError } from "@clauderon/core/contract";

import { redactUrl, repositoryIdOf, validateRepositoryUrl } from "./repository-url.ts";
import { codeOf } from "./workspace-file-system.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

const CLONE_TIMEOUT_MS = 60 * 60 * 1000;
const refspecs = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*", "+HEAD:refs/clauderon/head"];

/** Repositories that were named by address: one bare clone each, its branches under `refs/remotes/origin`, so that sessions' own never collide. */
export interface RepositoryClones {
  resolve(url: string, signal?: AbortSignal): Promise<RepositoryInfo>;
}

export function createRepositoryClones(tools: WorkspaceTools): RepositoryClones {
  const running = new Map<string, Promise<RepositoryInfo>>();
  return {
    resolve: (url, signal) => {
      const id = repositoryIdOf(url);
      const known = running.get(id);
      if (known !== undefined) return known.catch(() => fetchOrClone(tools, url, signal));
      const promise = fetchOrClone(tools, url, signal).finally(() => running.delete(id));
      running.set(id, promise);
      return promise;
    },
  };
}

async function fetchOrClone(
  tools: WorkspaceTools,
  url: string,
  signal: AbortSignal | undefined,
): Promise<RepositoryInfo> {
  validateRepositoryUrl(url);
  const parent = join(tools.homeDirectory, "repositories");
  const id = repositoryIdOf(url);
  const path = join(parent, `${id}.git`);
  await tools.fileSystem.makeDirectory(parent);
  const remote = await askRemote(tools, url, signal);
  if ((await tools.fileSystem.kindOf(path)) === "absent")
    await clone(tools, { url, path, isSha256: remote.head.length === 64 }, signal);
  else await fetch(tools, { url, path }, signal);
  const { stdout } = await tools.git.inspect(
    [`--git-dir=${path}`, "rev-parse", "--verify", "refs/clauderon/head^{commit}"],
    { signal },
  );
  return {
    path,
    commonDirectory: path,
    head: stdout.trim(),
    branch: remote.branch,
  };
}

/** Asked first: what is wrong with the address shows before anything is made. */
async function askRemote(
  { git }: WorkspaceTools,
  url: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly head: string; readonly branch?: string | undefined }> {
  const result = await git.act(["ls-remote", "--symref", "--", url, "HEAD"], {
    cwd: "/",
    signal,
    accepts: [0, 1, 128],
  });
  if (result.exitCode !== 0) throw unreachable(url, result.stderr);
  const head = /^([0-9a-f]{40,64})\tHEAD$/mu.exec(result.stdout)?.[1];
  if (head === undefined) {
    throw new WorkspaceError({
      code: "repository.empty",
      message: `The repository ${redactUrl(url)} has no commit to start from`,
      why: "its HEAD names no commit",
      fix: ["push a first commit to it"],
    });
  }
  return { head, branch: /^ref: refs\/heads\/(.+)\tHEAD$/mu.exec(result.stdout)?.[1] };
}

interface CloneRequest {
  readonly url: string;
  readonly path: string;
  readonly isSha256: boolean;
}

/** Under another name until it is whole: an interrupted clone is never taken for one. */
async function clone(
  { git, fileSystem }: WorkspaceTools,
  { url, path, isSha256 }: CloneRequest,
  signal: AbortSignal | undefined,
): Promise<void> {
  const parent = dirname(path);
  const prefix = `.${basename(path, ".git")}-`;
  for (const name of await fileSystem.names(parent)) {
    if (name.startsWith(prefix) && name.endsWith(".partial")) await fileSystem.remove(join(parent, name));
  }
  const temporary = join(parent, `${prefix}${randomUUID()}.partial`);
  try {
    await git.act(
      ["init", "--quiet", "--bare", "--template=", `--object-format=${isSha256 ? "sha256" : "sha1"}`, "--", temporary],
      { cwd: "/", signal },
    );
    await git.act([`--git-dir=${temporary}`, "remote", "add", "--", "origin", url], { cwd: "/", signal });
    await fetch({ git }, { url, path: temporary }, signal);
    await fileSystem.rename(temporary, path);
  } catch (error) {
    await fileSystem.remove(temporary);
    // Another process of this home was quicker: its clone is as good.
    if (codeOf(error) === "ENOTEMPTY" || codeOf(error) === "EEXIST") return;
    throw error;
  }
}

async function fetch(
  { git }: Pick<WorkspaceTools, "git">,
  { path, url }: Pick<CloneRequest, "path" | "url">,
  signal: AbortSignal | undefined,
): Promise<void> {
  const args = [
    `--git-dir=${path}`,
    "fetch",
    "--quiet",
    "--prune",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-recurse-submodules",
    "origin",
    ...refspecs,
  ];
  const result = await git.act(args, { cwd: "/", signal, timeoutMs: CLONE_TIMEOUT_MS, accepts: [0, 1, 128] });
  if (result.exitCode !== 0) throw unreachable(url, result.stderr);
  // Git wants HEAD to be a commit or below refs/heads, where sessions' own branches are.
  await git.act([`--git-dir=${path}`, "update-ref", "--no-deref", "HEAD", "refs/clauderon/head"], { cwd: "/", signal });
}

function unreachable(url: string, complaint: string): WorkspaceError {
  const shown = redactUrl(url);
  return new WorkspaceError({
    code: "repository.not-found",
    message: `The repository ${shown} cannot be read`,
    why: redactUrl(complaint.trim().split("\n").slice(0, 5).join("; ")) || undefined,
    fix: [`see whether you can: git ls-remote '${shown}'`, "give an address that you may read, or the path of a clone"],
    context: { url: shown },
  });
}
