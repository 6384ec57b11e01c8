import { join } from "node:path";

import { formatGitConfig } from "../git-config-file.ts";
import { quotePath } from "../own-git-directory.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { checkpointPlaces, type CheckpointRecord, checkpointRef } from "./checkpoint-record.ts";

/** Whatever attributes a tree names: files are taken and given back byte for byte, and no filter runs. */
const ATTRIBUTES = "* -text -filter -ident !eol !working-tree-encoding\n";

/** Everything that git writes is on the disk before it answers. */
const durable = ["-c", "core.fsync=all", "-c", "core.fsyncObjectFiles=true"];

export interface StoreCall {
  readonly sessionId: string;
  readonly commonDirectory: string;
  readonly signal?: AbortSignal | undefined;
}

/** A checkpoint with the commit that holds it, and the one that was checked out. */
export type Kept = Pick<CheckpointRecord, "id" | "commit" | "head">;

/** Git with the objects of a session's checkpoints; nothing of a repository's configuration counts in it. */
export interface CheckpointStore {
  /** New objects go to `objects`, or are not written at all. */
  environment(call: {
    readonly objects?: string | undefined;
    readonly index?: string | undefined;
    readonly workTree?: string | undefined;
  }): Readonly<Record<string, string>>;
  /** One pack of everything that the commit holds and neither the others nor the repository keep for us. `known` has itself. */
  pack(call: { readonly objects: string; readonly commit: string; readonly known: readonly Kept[] }): Promise<void>;
  /** One pack of all that these hold, in the place of all packs. */
  repack(kept: readonly Kept[]): Promise<void>;
  countPacks(): Promise<number>;
}

export async function openStore(
  tools: WorkspaceTools,
  { sessionId, commonDirectory, signal }: StoreCall,
  isMade = false,
): Promise<CheckpointStore> {
  const { fileSystem, git } = tools;
  const { store } = checkpointPlaces(tools, sessionId);
  const packs = join(store, "objects", "pack");
  if (isMade) await makeStore(tools, { store, commonDirectory, signal });
  const own = join(store, "objects");
  const repository = join(commonDirectory, "objects");
  const environment: CheckpointStore["environment"] = ({ objects, index, workTree }) => ({
    GIT_DIR: store,
    GIT_OBJECT_DIRECTORY: objects ?? own,
    GIT_ALTERNATE_OBJECT_DIRECTORIES: [...(objects === undefined ? [] : [own]), repository].map(quotePath).join(":"),
    ...(index === undefined ? {} : { GIT_INDEX_FILE: index }),
    ...(workTree === undefined ? {} : { GIT_WORK_TREE: workTree }),
  });
  /** What the repository keeps for checkpoints: the trees that were checked out, and what was staged. A tree that is named leaves all that is in it away. */
  const leftAway = async (kept: readonly Kept[]): Promise<readonly string[]> => {
    if (kept.length === 0) return [];
    const trees = new Set(kept.flatMap(({ id, head }) => [checkpointRef(id), ...(head === undefined ? [] : [head])]));
    const input = [...trees].map((name) => `${name}^{tree}\n`).join("");
    const args = [`--git-dir=${commonDirectory}`, "cat-file", "--batch-check=%(objecttype) %(objectname)"];
    const { stdout } = await git.inspect(args, { input, signal });
    return stdout.split("\n").flatMap((line) => (line.startsWith("tree ") ? [`^${line.slice("tree ".length)}`] : []));
  };
  const write = async (input: readonly string[], objects: string | undefined): Promise<string> => {
    // Whoever waits for a checkpoint does not wait for deltas: one against another version of a file is found when packs become one.
    const window = objects === undefined ? [] : ["--window=0"];
    const args = [
      ...durable,
      "pack-objects",
      "--revs",
      "--quiet",
      "--delta-base-offset",
      ...window,
      join(packs, "pack"),
    ];
    const call = { cwd: store, environment: environment({ objects }), input: `${input.join("\n")}\n`, signal };
    return (await git.inspect(args, call)).stdout.trim();
  };
  return {
    environment,
    pack: async ({ objects, commit, known }) => {
      if (known.filter((kept) => kept.commit === commit).length > 1) return;
      const others = known.flatMap((kept) => (kept.commit === commit ? [] : [`^${kept.commit}^{tree}`]));
      await write([commit, ...others, ...(await leftAway(known))], objects);
      await fileSystem.sync(packs);
    },
    repack: async (kept) => {
      const before = (await fileSystem.names(packs)).filter((name) => name.startsWith("pack-"));
      const commits = [...new Set(kept.map(({ commit }) => commit))];
      const made = commits.length === 0 ? undefined : await write([...commits, ...(await leftAway(kept))], undefined);
      await fileSystem.sync(packs);
      // The index of a pack last: a pack without one is none, and is removed by the next.
      const stale = before.filter((name) => made === undefined || !name.startsWith(`pack-${made}.`));
      for (const name of stale.toSorted(
        (left, right) => Number(right.endsWith(".idx")) - Number(left.endsWith(".idx")),
      ))
        await fileSystem.remove(join(packs, name));
      await fileSystem.sync(packs);
    },
    countPacks: async () => (await fileSystem.names(packs)).filter((name) => name.endsWith(".idx")).length,
  };
}

async function makeStore(
  { fileSystem, git }: WorkspaceTools,
  { store, commonDirectory, signal }: Omit<StoreCall, "sessionId"> & { readonly store: string },
): Promise<void> {
  const args = [`--git-dir=${commonDirectory}`, "rev-parse", "--show-object-format"];
  const { stdout } = await git.inspect(args, { signal });
  const isSha256 = stdout.trim() === "sha256";
  for (const name of ["refs", "info", join("objects", "pack")]) await fileSystem.makeDirectory(join(store, name));
  await fileSystem.writeText(join(store, "HEAD"), "ref: refs/heads/none\n");
  await fileSystem.writeText(join(store, "info", "attributes"), ATTRIBUTES);
  await fileSystem.writeText(
    join(store, "config"),
    formatGitConfig([
      { key: "core.repositoryformatversion", value: isSha256 ? "1" : "0" },
      { key: "core.bare", value: "false" },
      { key: "core.filemode", value: "true" },
      { key: "core.symlinks", value: "true" },
      { key: "core.ignorecase", value: "false" },
      { key: "core.autocrlf", value: "false" },
      { key: "core.protecthfs", value: "false" },
      { key: "core.protectntfs", value: "false" },
      ...(isSha256 ? [{ key: "extensions.objectformat", value: "sha256" }] : []),
    ]),
  );
}
