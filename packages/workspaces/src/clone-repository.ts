import { randomUUID } from "node:crypto";
import { basename, dirname, join } from "node:path";

import type { OnCreationProgress, RepositoryInfo } from "@clauderon/core/contract";

import { repositoryIdOf, validateRepositoryUrl } from "./repository-url.ts";
import { repositoryOf } from "./repository/repository-of.ts";
import { watchPacks } from "./watch-packs.ts";
import { codeOf } from "./workspace-file-system.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

/** Repositories that were named by address: one bare clone each, its branches under `refs/remotes/origin`, so that sessions' own never collide. */
export interface RepositoryClones {
  resolve(url: string, options?: CloneOptions): Promise<RepositoryInfo>;
}

export interface CloneOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnCreationProgress | undefined;
}

export function createRepositoryClones(tools: WorkspaceTools): RepositoryClones {
  const running = new Map<string, Promise<RepositoryInfo>>();
  return {
    resolve: (url, options = {}) => {
      const id = repositoryIdOf(url);
      const known = running.get(id);
      if (known !== undefined) return known.catch(() => fetchOrClone(tools, url, options));
      const promise = fetchOrClone(tools, url, options).finally(() => running.delete(id));
      running.set(id, promise);
      return promise;
    },
  };
}

async function fetchOrClone(tools: WorkspaceTools, url: string, options: CloneOptions): Promise<RepositoryInfo> {
  const { signal } = options;
  validateRepositoryUrl(url);
  const parent = join(tools.homeDirectory, "repositories");
  const id = repositoryIdOf(url);
  const path = join(parent, `${id}.git`);
  await tools.fileSystem.makeDirectory(parent);
  const repository = repositoryOf(tools);
  // Asked first: what is wrong with the address shows before anything is made.
  const remote = await repository.remoteHead(url, { signal });
  const isCloned = (await tools.fileSystem.kindOf(path)) !== "absent";
  const cloned = isCloned ? undefined : await clone(tools, { url, path, isSha256: remote.head.length === 64 }, options);
  const head = cloned ?? (await fetchInto(tools, { url, path }, options));
  return { path, commonDirectory: path, head, branch: remote.branch };
}

interface CloneRequest {
  readonly url: string;
  readonly path: string;
  readonly isSha256: boolean;
}

/** Under another name until it is whole: an interrupted clone is never taken for one. `undefined` when another process made it. */
async function clone(
  tools: WorkspaceTools,
  { url, path, isSha256 }: CloneRequest,
  options: CloneOptions,
): Promise<string | undefined> {
  const { signal } = options;
  const { fileSystem } = tools;
  const repository = repositoryOf(tools);
  const parent = dirname(path);
  const prefix = `.${basename(path, ".git")}-`;
  for (const name of await fileSystem.names(parent)) {
    if (name.startsWith(prefix) && name.endsWith(".partial")) await fileSystem.remove(join(parent, name));
  }
  const temporary = join(parent, `${prefix}${randomUUID()}.partial`);
  try {
    await repository.initialise({ url, path: temporary, isSha256 }, { signal });
    const head = await fetchInto(tools, { url, path: temporary }, options);
    await fileSystem.rename(temporary, path);
    return head;
  } catch (error) {
    await fileSystem.remove(temporary);
    // Another process of this home was quicker: its clone is as good.
    if (codeOf(error) === "ENOTEMPTY" || codeOf(error) === "EEXIST") return undefined;
    throw error;
  }
}

async function fetchInto(
  tools: WorkspaceTools,
  from: { readonly url: string; readonly path: string },
  { signal, onProgress }: CloneOptions,
): Promise<string> {
  const working = repositoryOf(tools).fetch(from, { signal });
  if (onProgress === undefined) return working;
  return watchPacks(tools, { directory: from.path, working, tell: (seen) => onProgress({ task: "clone", ...seen }) });
}
