import { constants } from "node:fs";
import { join } from "node:path";

import type { GitTree } from "../own-git-directory.ts";
import { bytesOf } from "../results/paths.ts";
import type { UserSettings } from "../user-settings.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { cannotCapture, writtenMeanwhile } from "./checkpoint-errors.ts";
import { type CheckpointManifest, checkpointPlaces } from "./checkpoint-record.ts";
import type { CheckpointStore } from "./checkpoint-store.ts";
import { indexEntries } from "./git-state.ts";
import { type ListedTree, listFiles } from "./list-files.ts";

export interface CaptureCall {
  readonly sessionId: string;
  readonly tree: GitTree;
  readonly store: CheckpointStore;
  /** Where new objects go. */
  readonly objects: string;
  readonly settings: UserSettings;
  readonly also?: readonly string[] | undefined;
  readonly scrollback?: string | undefined;
  readonly headRef?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Captured {
  readonly commit: string;
  /** Tree of the files alone. */
  readonly tree: string;
  readonly files: number;
  readonly skipped: readonly string[];
  readonly manifest: Pick<CheckpointManifest, "modes" | "directories">;
}

const ATTEMPTS = 4;

/** Writes what a working tree is as a commit of ours. Reads it only; runs nothing of it. */
export async function capture(tools: WorkspaceTools, call: CaptureCall): Promise<Captured> {
  const files = await captureFiles(tools, call);
  const { store, objects, tree, scrollback, signal } = call;
  const { git, fileSystem } = tools;
  const environment = store.environment({ objects });
  const at = { cwd: tree.workTree, environment, signal };
  const write = async (content: string): Promise<string> =>
    (await git.inspect(["hash-object", "-w", "--stdin", "--no-filters"], { ...at, input: content })).stdout.trim();
  const index = await indexOf(tools, call);
  const manifest: CheckpointManifest = {
    ...files.manifest,
    headRef: call.headRef,
    indexSeconds: await secondsOf(tools, join(tree.gitDirectory, "index")),
  };
  const entries = [
    `040000 tree ${files.tree}\ttree`,
    `100644 blob ${await write(JSON.stringify(manifest))}\tmanifest`,
    ...(index === undefined ? [] : [`100644 blob ${index}\tindex`]),
    ...(scrollback === undefined ? [] : [`100644 blob ${await write(scrollback)}\tscrollback`]),
  ];
  const state = await indexEntries(tools, { tree, at });
  if (state.length > 0) {
    const scratch = join(objects, "..", "state-index");
    const place = { ...at, environment: store.environment({ objects, index: scratch }) };
    await git.inspect(["update-index", "-z", "--index-info"], {
      ...place,
      input: Buffer.from(state.join(""), "latin1"),
    });
    entries.push(`040000 tree ${(await git.inspect(["write-tree"], place)).stdout.trim()}\tstate`);
    await fileSystem.remove(scratch);
  }
  const whole = await git.inspect(["mktree"], { ...at, input: `${entries.join("\n")}\n` });
  const commit = await git.inspect(["hash-object", "-t", "commit", "-w", "--stdin"], {
    ...at,
    input: [
      `tree ${whole.stdout.trim()}`,
      "author clauderon <clauderon@localhost> 0 +0000",
      "committer clauderon <clauderon@localhost> 0 +0000",
      "",
      "A checkpoint\n",
    ].join("\n"),
  });
  return { ...files, commit: commit.stdout.trim() };
}

/** Of the files alone. */
export async function captureFiles(tools: WorkspaceTools, call: CaptureCall): Promise<Omit<Captured, "commit">> {
  for (let attempt = 1; ; attempt += 1) {
    const listed = await listFiles(tools, call.tree, call);
    try {
      return {
        tree: await writeFiles(tools, call, listed),
        files: listed.files.size,
        skipped: listed.skipped,
        manifest: manifestOf(listed),
      };
    } catch (error) {
      call.signal?.throwIfAborted();
      // What is known of the files may be of objects that are gone.
      for (const name of ["capture-index.lock", "capture-index"])
        await tools.fileSystem.remove(join(call.objects, "..", name));
      for (const path of listed.files.keys())
        await refuseUnreadable(tools, { workTree: call.tree.workTree, path }, error);
      if (attempt === ATTEMPTS) throw writtenMeanwhile(call.tree.workTree, [], error);
    }
  }
}

async function writeFiles({ git, fileSystem }: WorkspaceTools, call: CaptureCall, listed: ListedTree): Promise<string> {
  const { tree, store, objects, signal } = call;
  const index = join(objects, "..", "capture-index");
  const environment = store.environment({ objects, index, workTree: tree.workTree });
  const at = { cwd: tree.workTree, environment, signal };
  const known = (await git.inspectBytes(["ls-files", "-z"], at)).toString("latin1").split("\0");
  const gone = known.filter((path) => path !== "" && !listed.files.has(path));
  const feed = async (args: readonly string[], paths: readonly string[]): Promise<void> => {
    if (paths.length === 0) return;
    const input = Buffer.from(paths.map((path) => `${path}\0`).join(""), "latin1");
    await git.inspect(["update-index", ...args, "-z", "--stdin"], { ...at, input });
  };
  await feed(["--force-remove"], gone);
  await feed(["--add", "--replace"], [...listed.files.keys()]);
  if ((await fileSystem.kindOf(index)) === "absent") await git.inspect(["read-tree", "--empty"], at);
  return (await git.inspect(["write-tree"], at)).stdout.trim();
}

/** Beside the objects. It keeps its time: what was written at the same time is looked at again. */
export async function reuseIndex(
  { fileSystem, ...tools }: WorkspaceTools,
  sessionId: string,
  objects: string,
): Promise<void> {
  const { index } = checkpointPlaces(tools, sessionId);
  const copy = join(objects, "..", "capture-index");
  if ((await fileSystem.kindOf(index)) !== "file") return;
  await fileSystem.shareFile(index, copy);
  if ((await fileSystem.writtenAt(index)) !== (await fileSystem.writtenAt(copy))) await fileSystem.remove(copy);
}

async function secondsOf({ fileSystem }: WorkspaceTools, path: string): Promise<number> {
  return Math.floor((await fileSystem.writtenAt(path)) / 1000);
}

async function refuseUnreadable(
  { fileSystem }: WorkspaceTools,
  { workTree, path }: { readonly workTree: string; readonly path: string },
  cause: unknown,
): Promise<void> {
  const mode = await fileSystem.modeOf(bytesOf(workTree, path));
  if (mode === undefined || (mode & constants.S_IFMT) !== constants.S_IFREG) return;
  if (!(await fileSystem.isReadable(bytesOf(workTree, path))))
    throw cannotCapture(join(workTree, Buffer.from(path, "latin1").toString()), String(cause));
}

function manifestOf({ files, directories }: ListedTree): Pick<CheckpointManifest, "modes" | "directories"> {
  const permissions = (mode: number): number => mode & 0o7777;
  const special = [...files].filter(
    ([, mode]) =>
      (mode & constants.S_IFMT) === constants.S_IFREG && permissions(mode) !== ((mode & 0o100) === 0 ? 0o644 : 0o755),
  );
  const told = (entries: readonly (readonly [string, number])[]): Readonly<Record<string, number>> =>
    Object.fromEntries(entries.map(([path, mode]) => [path, permissions(mode)]));
  return { modes: told(special), directories: told([...directories]) };
}

/** The index as it is: flags, conflicts, what was resolved. A split one is made whole. */
async function indexOf(
  tools: WorkspaceTools,
  { tree, store, objects, signal }: CaptureCall,
): Promise<string | undefined> {
  const { git, fileSystem } = tools;
  const copy = join(objects, "..", "index");
  const from = join(tree.gitDirectory, "index");
  if ((await fileSystem.kindOf(from)) !== "file") return undefined;
  const seconds = await secondsOf(tools, from);
  await fileSystem.copyEntry(Buffer.from(from), Buffer.from(copy));
  await fileSystem.setWrittenAt(copy, seconds * 1000);
  const shared = (await fileSystem.names(tree.gitDirectory)).filter((name) => name.startsWith("sharedindex."));
  const at = { cwd: tree.workTree, environment: store.environment({ objects, index: copy }), signal };
  if (shared.length > 0) {
    // Its other half is looked for beside the git directory that is named.
    const place = { ...at, environment: { ...at.environment, GIT_DIR: join(objects, "..") } };
    for (const name of ["HEAD", "config"])
      await fileSystem.copyEntry(
        Buffer.from(join(at.environment["GIT_DIR"] ?? "", name)),
        Buffer.from(join(objects, "..", name)),
      );
    await fileSystem.makeDirectory(join(objects, "..", "refs"));
    for (const name of shared)
      await fileSystem.copyEntry(Buffer.from(join(tree.gitDirectory, name)), Buffer.from(join(objects, "..", name)));
    await git.inspect(["update-index", "--no-split-index"], place);
    await git.inspect(["update-index", "--no-split-index"], at);
  }
  const { stdout } = await git.inspect(["hash-object", "-w", "--no-filters", "--", copy], at);
  await fileSystem.remove(copy);
  return stdout.trim();
}
