import { join } from "node:path";

import type { WorkspaceCheckpoints } from "@clauderon/core/contract";

import { quotePath } from "../own-git-directory.ts";
import type { UserSettings } from "../user-settings.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { captureFiles } from "./capture.ts";
import { checkpointDamaged, restoreRefused } from "./checkpoint-errors.ts";
import { checkpointPlaces } from "./checkpoint-record.ts";
import { openStore } from "./checkpoint-store.ts";
import { requireTree } from "./create-checkpoint.ts";
import { type FoundCheckpoint, requireCheckpoint } from "./read-checkpoints.ts";

const formats = { patch: ["--patch"], stat: ["--stat"], names: ["--name-only"] } as const;

/** Of the files alone, as they are: no attribute, no filter, no program counts. */
export async function diffCheckpoints(
  tools: WorkspaceTools,
  call: Parameters<WorkspaceCheckpoints["diff"]>[0] & { readonly settings: UserSettings },
): Promise<string> {
  const { signal } = call;
  const from = await requireCheckpoint(tools, call.from);
  const to = call.to === undefined ? undefined : await requireCheckpoint(tools, call.to);
  if (to === undefined && call.record === undefined)
    throw restoreRefused("There is no workspace to compare the checkpoint with", "its session is gone", [
      "name another checkpoint: clauderon checkpoint diff A B",
    ]);
  const commonDirectory = call.record?.commonDirectory ?? from.record.commonDirectory;
  const store = await openStore(tools, { sessionId: from.sessionId, commonDirectory, signal });
  const { path: scratch, discard } = tools.scratch.reserve();
  try {
    const objects = join(scratch, "objects");
    await tools.fileSystem.makeDirectory(objects);
    const environment = withObjectsOf(tools, store.environment({ objects }), to);
    const at = { cwd: scratch, environment, signal };
    const treeOf = async ({ record }: FoundCheckpoint): Promise<string> => {
      const args = ["rev-parse", "--verify", "--quiet", `${record.commit}:tree`];
      const { exitCode, stdout } = await tools.git.inspect(args, { ...at, accepts: [0, 1, 128] });
      if (exitCode !== 0) throw checkpointDamaged(record.id, "its files are not there any more");
      return stdout.trim();
    };
    const now = async (): Promise<string> => {
      if (call.record === undefined) return "";
      const tree = await requireTree(tools, call.record, signal);
      const { known } = checkpointPlaces(tools, from.sessionId);
      return (await captureFiles(tools, { tree, store, objects, known, ...call })).tree;
    };
    const trees = [await treeOf(from), to === undefined ? await now() : await treeOf(to)];
    const shown = [
      "--no-ext-diff",
      "--no-textconv",
      "--no-color",
      "--find-renames",
      ...formats[call.format ?? "patch"],
    ];
    const args = ["-c", "core.quotePath=false", "diff", ...shown, ...trees, "--"];
    return (await tools.git.inspect(args, at)).stdout;
  } finally {
    await discard();
  }
}

/** The other one may be of another session. */
function withObjectsOf(
  tools: WorkspaceTools,
  environment: Readonly<Record<string, string>>,
  to: FoundCheckpoint | undefined,
): Readonly<Record<string, string>> {
  if (to === undefined) return environment;
  const others = [
    join(checkpointPlaces(tools, to.sessionId).store, "objects"),
    join(to.record.commonDirectory, "objects"),
  ];
  const known = environment["GIT_ALTERNATE_OBJECT_DIRECTORIES"] ?? "";
  return { ...environment, GIT_ALTERNATE_OBJECT_DIRECTORIES: [known, ...others.map(quotePath)].join(":") };
}
