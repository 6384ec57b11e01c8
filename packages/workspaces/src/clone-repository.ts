import { randomUUID } from "node:crypto";
import { basename, dirname, join } from "node:path";

import type { RepositoryInfo } from "@clauderon/core/contract";

import { repositoryIdOf, validateRepositoryUrl } from "./repository-url.ts";
import { repositoryOf } from "./repository/repository-of.ts";
import { codeOf } from "./workspace-file-system.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

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
  const repository = repositoryOf(tools);
  // Asked first: what is wrong with the address shows before anything is made.
  const remote = await repository.remoteHead(url, { signal });
  const isCloned = (await tools.fileSystem.kindOf(path)) !== "absent";
  const cloned = isCloned ? undefined : await clone(tools, { url, path, isSha256: remote.head.length === 64 }, signal);
  const head = cloned ?? (await repository.fetch({ url, path }, { signal }));
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
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
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
    const head = await repository.fetch({ url, path: temporary }, { signal });
    await fileSystem.rename(temporary, path);
    return head;
  } catch (error) {
    await fileSystem.remove(temporary);
    // Another process of this home was quicker: its clone is as good.
    if (codeOf(error) === "ENOTEMPTY" || codeOf(error) === "EEXIST") return undefined;
    throw error;
  }
}
