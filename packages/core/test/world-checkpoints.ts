import { WorkspaceError } from "../src/contract/errors/workspace-error.ts";
import type { WorkspaceCheckpoint, WorkspaceCheckpointRequest } from "../src/contract/workspace-checkpoint.ts";
import type { WorkspaceProvider } from "../src/contract/workspace.ts";
import type { World } from "./engine-world.ts";

/** Checkpoints that are only remembered. */
export function worldCheckpoints(world: World, alive: () => void): WorkspaceProvider["checkpoints"] {
  const get = (id: string): WorkspaceCheckpoint => {
    const found = world.checkpoints.get(id);
    if (found === undefined) throw new WorkspaceError({ code: "checkpoint.not-found", message: "gone", fix: ["none"] });
    return found;
  };
  const create = (request: WorkspaceCheckpointRequest): WorkspaceCheckpoint => {
    alive();
    const { scrollback: _, ...rest } = request;
    const made = { ...rest, repositoryPath: "/r", commonDirectory: "/r/.git", branch: "b", files: 1, skipped: [] };
    world.checkpoints.set(request.id, made);
    return made;
  };
  return {
    create: async (_, request) => create(request),
    list: async (sessionId) =>
      [...world.checkpoints.values()].filter((found) => sessionId === undefined || found.sessionId === sessionId),
    get: async (id) => get(id),
    scrollback: async () => undefined,
    async restore(_, { id, before }) {
      get(id);
      const kept = create(before);
      if (world.isRestoreBroken)
        throw new WorkspaceError({ code: "checkpoint.refused", message: "broken", fix: ["none"] });
      alive();
      world.rewound.push(id);
      world.lastRewind = { before: kept, notices: [] };
      return world.lastRewind;
    },
    settle: async () => world.lastRewind,
    async remove(ids) {
      alive();
      for (const id of ids) world.checkpoints.delete(id);
    },
    diff: async ({ from, to }) => `${get(from).id} ${to ?? "now"}`,
    bytesOf: async () => 0,
  };
}
