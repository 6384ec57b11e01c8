import { join } from "node:path";

import type { GitTree } from "../own-git-directory.ts";
import { facesOf, type MoveCall, putFiles } from "../results/move-files.ts";
import { missingDirectories } from "../results/stage-files.ts";
import type { UserSettings } from "../user-settings.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { applyDirectories, placeIndex } from "./apply-state.ts";
import { captureFiles } from "./capture.ts";
import { changesBetween, parseTree, readState, stageState } from "./checkpoint-changes.ts";
import { restoreRefused } from "./checkpoint-errors.ts";
import { openStore } from "./checkpoint-store.ts";
import { requireCheckpoint } from "./read-checkpoints.ts";

interface FillCall {
  readonly id: string;
  readonly settings: UserSettings;
  readonly signal?: AbortSignal | undefined;
}

/** Makes the files and the index of a new worktree those of a checkpoint, of whatever session. It is half-made until this is done: nothing is kept. */
export async function fillFromCheckpoint(
  tools: WorkspaceTools,
  tree: GitTree,
  { id, settings, signal }: FillCall,
): Promise<void> {
  const { sessionId, record } = await requireCheckpoint(tools, id);
  if (record.head !== tree.head)
    throw restoreRefused(
      `The checkpoint ${id} is not of this commit`,
      "a session made from a checkpoint starts at its commit",
      [`leave out --base and --branch: clauderon create --from ${id}`],
    );
  const store = await openStore(tools, { sessionId, commonDirectory: tree.commonDirectory, signal });
  const cwd = tree.workTree;
  const to = await readState(tools, record, { store, cwd, signal });
  const { path: scratch, discard } = tools.scratch.reserve();
  try {
    const objects = join(scratch, "objects");
    await tools.fileSystem.makeDirectory(objects);
    const also = [...to.files.keys()];
    const now = await captureFiles(tools, { tree, store, objects, settings, also, signal });
    const listed = await tools.git.inspectBytes(["ls-tree", "-r", "-z", now.tree], {
      cwd,
      environment: store.environment({ objects }),
      signal,
    });
    const from = {
      ...to,
      files: parseTree(listed.toString("latin1")),
      manifest: { ...now.manifest, indexSeconds: 0 },
    };
    const staged = join(scratch, "after");
    const differing = changesBetween(from, to);
    const changes = await stageState(tools, to, { store, cwd, signal, directory: staged, changes: differing });
    const move: MoveCall = {
      workTree: cwd,
      changes,
      made: await missingDirectories(tools, cwd, changes),
      // The checkpoint says which directories there are.
      cleared: [],
      places: {
        directory: scratch,
        record: join(scratch, "record.json"),
        before: join(scratch, "before"),
        after: join(staged, "tree"),
        taken: join(scratch, "taken"),
      },
    };
    await putFiles(tools, move, await facesOf(tools, move));
    await applyDirectories(tools, { note: { workTree: cwd }, state: to, other: from });
    await placeIndex(tools, { gitDirectory: tree.gitDirectory, state: to, staged, name: sessionId });
  } finally {
    await discard();
  }
}
