import type { WorkspaceTools } from "../workspace-tools.ts";
import { isGitMissing } from "./git-needed.ts";
import { createGitProgram } from "./git-program.ts";
import type { RepositoryPort } from "./repository-port.ts";

/** By git; by isomorphic-git when there turns out to be none. Asked at each call, as a git may be installed meanwhile; with one it costs nothing. */
export function repositoryOf(tools: WorkspaceTools): RepositoryPort {
  const program = createGitProgram(tools.git);
  const either = async <Value>(work: (port: RepositoryPort) => Promise<Value>): Promise<Value> => {
    try {
      return await work(program);
    } catch (error) {
      if (!isGitMissing(error)) throw error;
      const { createIsomorphicGit } = await import("./isomorphic/isomorphic-git-port.ts");
      return work(createIsomorphicGit(tools));
    }
  };
  return {
    locate: (place, call) => either((port) => port.locate(place, call)),
    listRefs: (gitDirectory, call) => either((port) => port.listRefs(gitDirectory, call)),
    unreached: (request, call) => either((port) => port.unreached(request, call)),
    pack: (request, call) => either((port) => port.pack(request, call)),
    remoteHead: (url, call) => either((port) => port.remoteHead(url, call)),
    initialise: (request, call) => either((port) => port.initialise(request, call)),
    fetch: (request, call) => either((port) => port.fetch(request, call)),
  };
}
