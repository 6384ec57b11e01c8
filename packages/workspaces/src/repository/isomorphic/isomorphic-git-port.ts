import { join } from "node:path";

import { formatGitConfig } from "../../git-config-file.ts";
import { complaintOf } from "../../git.ts";
import type { WorkspaceTools } from "../../workspace-tools.ts";
import { notWithoutGit } from "../git-needed.ts";
import { emptyRemote, unreachable } from "../repository-errors.ts";
import type { RepositoryPort } from "../repository-port.ts";
import { locate } from "./locate.ts";
import { type NetworkSettings, readNetworkSettings } from "./network-settings.ts";
import { placeFetched } from "./place-fetched.ts";
import { requireSupported } from "./require-supported.ts";
import { type RunWork, runWork } from "./run-work.ts";

/** The port where there is no git; `run` does the work. */
export function createIsomorphicGit(tools: WorkspaceTools, run: RunWork = runWork): RepositoryPort {
  const { fileSystem, environment } = tools;
  const source = { fileSystem, environment };
  const networkOf = async (url: string): Promise<NetworkSettings> => {
    const network = await readNetworkSettings(source, url);
    if (!/^https?:\/\//iu.test(network.url))
      throw notWithoutGit(
        "This repository cannot be fetched without git",
        "only http and https are spoken, no ssh and no file://",
      );
    return network;
  };
  return {
    locate: (place) => locate(source, place),
    listRefs: async (gitDirectory, { signal } = {}) => {
      await requireSupported(fileSystem, gitDirectory);
      return run({ kind: "listRefs", gitDirectory }, { signal });
    },
    unreached: (request, { signal } = {}) => run({ kind: "unreached", ...request }, { signal }),
    pack: async (request, { signal } = {}) => {
      await requireSupported(fileSystem, request.from);
      return run({ kind: "pack", ...request }, { signal });
    },
    remoteHead: async (url, { signal } = {}) => {
      const network = await networkOf(url);
      const head = await run({ kind: "remoteHead", network }, { signal }).catch((error: unknown) => {
        throw explained(url, error);
      });
      if (head === undefined) throw emptyRemote(url);
      return head;
    },
    initialise: async ({ path, url, isSha256 }) => {
      if (isSha256)
        throw notWithoutGit("This repository cannot be cloned without git", "its objects have SHA-256 names");
      for (const name of [
        join("objects", "pack"),
        join("objects", "info"),
        join("refs", "heads"),
        join("refs", "tags"),
      ])
        await fileSystem.makeDirectory(join(path, name));
      await fileSystem.writeText(join(path, "HEAD"), "ref: refs/heads/clauderon-none\n");
      const config = [
        { key: "core.repositoryformatversion", value: "0" },
        { key: "core.filemode", value: "true" },
        { key: "core.bare", value: "true" },
        { key: "remote.origin.url", value: url },
        { key: "remote.origin.fetch", value: "+refs/heads/*:refs/remotes/origin/*" },
      ];
      await fileSystem.writeText(join(path, "config"), formatGitConfig(config));
    },
    fetch: async ({ path, url }, { signal } = {}) => {
      await requireSupported(fileSystem, path);
      const network = await networkOf(url);
      const { path: scratch, discard } = tools.scratch.reserve();
      try {
        await fileSystem.makeDirectory(scratch);
        const fetched = await run({ kind: "fetch", network, path, scratch }, { signal }).catch((error: unknown) => {
          throw explained(url, error);
        });
        if (fetched === undefined) throw emptyRemote(url);
        signal?.throwIfAborted();
        await placeFetched(fileSystem, { path, scratch, fetched });
        return fetched.head;
      } finally {
        await discard();
      }
    },
  };
}

/** Where it is the address, or what answers there, that is wrong. */
function explained(url: string, error: unknown): unknown {
  const complaint = complaintOf(error);
  return complaint === "" ? error : unreachable(url, complaint, error);
}
