import { join } from "node:path";

import { allSettled } from "./all-settled.ts";
import { retryLocked } from "./retry-locked.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

interface KeepCall {
  readonly commonDirectory: string;
  /** The worktree's own: index, logs and operations in progress. */
  readonly entry?: string | undefined;
  readonly commits: readonly string[];
  readonly ref: string;
  readonly signal?: AbortSignal | undefined;
}

/** Larger files of a worktree's entry name no objects. */
const MAX_SCANNED_BYTES = 16 * 1024 * 1024;

/** Everything that git writes here is on the disk before it answers. */
const durable = ["-c", "core.fsync=all", "-c", "core.fsyncObjectFiles=true"];

/**
 * Puts all objects that the worktree's entry names under one hidden reference, so that no garbage collection takes them: what its files say by object
 * name (HEAD, ORIG_HEAD, MERGE_HEAD, logs, the state of a rebase), its own references, and the blobs of its index.
 */
export async function keepObjects(tools: WorkspaceTools, call: KeepCall): Promise<void> {
  const { commonDirectory, signal } = call;
  const { entry } = call;
  const named = entry === undefined ? [] : await namedInEntry(tools, { entry, signal });
  const objects = await existing(tools, commonDirectory, {
    names: [...call.commits, ...named],
    signal,
  });
  const tree = objects.filter(({ type }) => type === "blob" || type === "tree");
  const commits = objects.filter(({ type }) => type === "commit");
  const git = [`--git-dir=${commonDirectory}`, ...durable];
  const write = async (args: readonly string[], input: string): Promise<string> =>
    (await tools.git.act([...git, ...args], { cwd: commonDirectory, input, signal })).stdout.trim();
  const lines = tree.map(({ name, type }) => `${type === "tree" ? "040000" : "100644"} ${type} ${name}\t${name}\n`);
  const treeName = await write(["mktree"], lines.join(""));
  const keeper = await write(
    ["hash-object", "-t", "commit", "-w", "--stdin"],
    [
      `tree ${treeName}`,
      ...commits.map(({ name }) => `parent ${name}`),
      "author clauderon <clauderon@localhost> 0 +0000",
      "committer clauderon <clauderon@localhost> 0 +0000",
      "",
      "Keeps what a deleted session held, for: clauderon undo\n",
    ].join("\n"),
  );
  await retryLocked(() =>
    tools.git.act([...git, "update-ref", "--no-deref", call.ref, keeper], { cwd: commonDirectory, signal }),
  );
}

/** Lets go what `keepObjects` kept. */
export async function releaseObjects(tools: WorkspaceTools, commonDirectory: string, ref: string): Promise<void> {
  if ((await tools.fileSystem.kindOf(commonDirectory)) !== "directory") return;
  const args = [`--git-dir=${commonDirectory}`, "update-ref", "--no-deref", "-d", ref];
  await retryLocked(() => tools.git.act(args, { cwd: commonDirectory }));
}

interface EntryCall {
  readonly entry: string;
  readonly signal: AbortSignal | undefined;
}

async function namedInEntry(tools: WorkspaceTools, call: EntryCall): Promise<readonly string[]> {
  const named = [namedInFiles(tools, call.entry), ownRefs(tools, call), indexed(tools, call)];
  return (await allSettled(named)).flat();
}

async function namedInFiles({ fileSystem }: WorkspaceTools, directory: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of await fileSystem.names(directory)) {
    const path = join(directory, name);
    const kind = await fileSystem.kindOf(path);
    // A submodule's repository keeps its own objects.
    if (kind === "directory" && name !== "modules" && name !== "reftable")
      found.push(...(await namedInFiles({ fileSystem } as WorkspaceTools, path)));
    if (kind !== "file" || name === "index" || name.startsWith("sharedindex.")) continue;
    if ((await fileSystem.bytesOf(path)) > MAX_SCANNED_BYTES) continue;
    const text = (await fileSystem.readText(path)) ?? "";
    found.push(...(text.match(/(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{40})(?![0-9a-f])/gu) ?? []));
  }
  return found;
}

async function ownRefs({ git }: WorkspaceTools, { entry, signal }: EntryCall): Promise<readonly string[]> {
  const patterns = ["refs/bisect", "refs/worktree", "refs/rewritten"];
  const args = [`--git-dir=${entry}`, "for-each-ref", "--format=%(objectname)", ...patterns];
  const { exitCode, stdout } = await git.inspect(args, { signal, accepts: [0, 128] });
  return exitCode === 0 ? stdout.split("\n") : [];
}

/** Of the index what HEAD has not: staged blobs, the sides of conflicts, and what `git checkout --merge` would bring back. */
async function indexed({ git, fileSystem }: WorkspaceTools, { entry, signal }: EntryCall): Promise<readonly string[]> {
  if ((await fileSystem.kindOf(join(entry, "index"))) !== "file") return [];
  const ask = async (args: readonly string[]): Promise<string | undefined> => {
    const result = await git.inspect([`--git-dir=${entry}`, ...args], { signal, accepts: [0, 1, 128] });
    return result.exitCode === 0 ? result.stdout : undefined;
  };
  const [changed, unmerged, resolved] = await allSettled([
    ask(["diff-index", "--cached", "--raw", "--no-renames", "--no-abbrev", "-z", "HEAD", "--"]),
    ask(["ls-files", "--unmerged", "-z"]),
    ask(["ls-files", "--resolve-undo", "-z"]),
  ]);
  // On a branch without commits, everything.
  const staged = changed ?? (await ask(["ls-files", "--stage", "-z"]));
  const texts = [staged ?? "", unmerged ?? "", resolved ?? ""];
  return texts.flatMap((text) => text.match(/(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{40})(?![0-9a-f])/gu) ?? []);
}

interface FoundObject {
  readonly name: string;
  readonly type: string;
}

async function existing(
  { git }: WorkspaceTools,
  commonDirectory: string,
  { names, signal }: { readonly names: readonly string[]; readonly signal?: AbortSignal | undefined },
): Promise<readonly FoundObject[]> {
  const asked = [...new Set(names)].filter((name) => /^[0-9a-f]{40,64}$/u.test(name) && !/^0+$/u.test(name));
  if (asked.length === 0) return [];
  const { stdout } = await git.inspect(
    [`--git-dir=${commonDirectory}`, "cat-file", "--batch-check=%(objecttype) %(objectname)"],
    { input: `${asked.join("\n")}\n`, signal },
  );
  return stdout.split("\n").flatMap((line) => {
    const [type = "", name = ""] = line.split(" ");
    return ["blob", "tree", "commit"].includes(type) ? [{ type, name }] : [];
  });
}
