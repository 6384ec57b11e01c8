import { createHash } from "node:crypto";
import { join } from "node:path";

import { parseClaim, type WorkspaceClaim } from "./workspace-mark.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

/** The claims of this home, a file per session. */
export interface WorkspaceClaims {
  get(sessionId: string): Promise<WorkspaceClaim | undefined>;
  put(claim: WorkspaceClaim): Promise<void>;
  remove(sessionId: string): Promise<void>;
  list(): Promise<readonly WorkspaceClaim[]>;
}

export function createWorkspaceClaims({
  fileSystem,
  homeDirectory,
  instanceId,
  logger,
}: WorkspaceTools): WorkspaceClaims {
  const directory = join(homeDirectory, "state", "workspaces");
  const fileOf = (sessionId: string): string => join(directory, `${fileNameOf(sessionId)}.json`);
  const read = async (file: string): Promise<WorkspaceClaim | undefined> => {
    const claim = parseClaim(await fileSystem.readText(file));
    return claim?.instanceId === instanceId ? claim : undefined;
  };
  return {
    get: (sessionId) => read(fileOf(sessionId)),
    put: async (claim) => {
      await fileSystem.makeDirectory(directory);
      await fileSystem.replaceDurably(fileOf(claim.sessionId), JSON.stringify(claim));
    },
    remove: async (sessionId) => {
      await fileSystem.remove(`${fileOf(sessionId)}.new`);
      await fileSystem.remove(fileOf(sessionId));
    },
    list: async () => {
      const claims: WorkspaceClaim[] = [];
      for (const name of await fileSystem.names(directory)) {
        if (!name.endsWith(".json")) continue;
        const claim = await read(join(directory, name));
        if (claim === undefined) logger.warn({ file: join(directory, name) }, "a claim of a workspace cannot be read");
        else claims.push(claim);
      }
      return claims;
    },
  };
}

/** Ids are UUIDs; whatever else comes stays inside the directory. */
export function fileNameOf(sessionId: string): string {
  return /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/u.test(sessionId)
    ? sessionId
    : createHash("sha256").update(sessionId).digest("hex");
}
