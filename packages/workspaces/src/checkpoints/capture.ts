import { constants } from "node:fs";
import { join } from "node:path";

import type { EntryStatus, HeldEntry } from "../held-files.ts";
import type { GitTree } from "../own-git-directory.ts";
import { bytesOf } from "../results/paths.ts";
import type { UserSettings } from "../user-settings.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { cannotCapture, writtenMeanwhile } from "./checkpoint-errors.ts";
import type { CheckpointManifest } from "./checkpoint-record.ts";
import type { CheckpointStore } from "./checkpoint-store.ts";
import { indexEntries } from "./git-state.ts";
import { type KnownFile, readKnownFiles, writeKnownFiles } from "./known-files.ts";
import { type ListedTree, listFiles } from "./list-files.ts";
import { writeObjects } from "./write-objects.ts";

export interface CaptureCall {
  readonly tree: GitTree;
  readonly store: CheckpointStore;
  /** Where new objects go. What is known of the files by then lies beside it, in `KNOWN_FILES`. */
  readonly objects: string;
  /** What was known of the files the last time; everything is read without. */
  readonly known?: string | undefined;
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

export const KNOWN_FILES = "known-files";

const ATTEMPTS = 4;

/** Writes what a working tree is as a commit of ours. Reads it only; runs nothing of it. */
export async function capture(tools: WorkspaceTools, call: CaptureCall): Promise<Captured> {
  const files = await captureFiles(tools, call);
  const { store, objects, tree, scrollback, signal } = call;
  const { git, fileSystem } = tools;
  const scratch = join(objects, "..");
  const at = { cwd: scratch, environment: store.environment({ objects }), signal };
  const manifest: CheckpointManifest = {
    ...files.manifest,
    headRef: call.headRef,
    indexSeconds: await secondsOf(tools, join(tree.gitDirectory, "index")),
  };
  const texts = { manifest: JSON.stringify(manifest), scrollback };
  const parts = (await copyIndex(tools, call)) ? ["index"] : [];
  for (const [name, text] of Object.entries(texts))
    if (text !== undefined) {
      await fileSystem.writeText(join(scratch, name), text);
      parts.push(name);
    }
  const names = await writeObjects(
    tools,
    at,
    parts.map((name) => join(scratch, name)),
  );
  const entries = [
    `040000 tree ${files.tree}\ttree`,
    ...parts.map((name, index) => `100644 blob ${names[index] ?? ""}\t${name}`),
  ];
  const state = await indexEntries(tools, { tree, at });
  if (state.length > 0) {
    const place = { ...at, environment: store.environment({ objects, index: join(scratch, "state-index") }) };
    await git.inspect(["update-index", "-z", "--index-info"], {
      ...place,
      input: Buffer.from(state.join(""), "latin1"),
    });
    entries.push(`040000 tree ${(await git.inspect(["write-tree"], place)).stdout.trim()}\tstate`);
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

/** Of the files alone. What is read comes from files that are held open: what their paths lead to by then is not asked. */
export async function captureFiles(tools: WorkspaceTools, call: CaptureCall): Promise<Omit<Captured, "commit">> {
  const known = await readKnownFiles(tools.fileSystem, call.known);
  for (let attempt = 1; ; attempt += 1) {
    const began = Date.now();
    const listed = await listFiles(tools, call.tree, call);
    let reason: unknown;
    try {
      const written = await writeFiles(tools, call, { listed, known, began });
      if (written !== undefined) return { ...written, skipped: listed.skipped };
    } catch (error) {
      call.signal?.throwIfAborted();
      // What is known of the files may be of objects that are gone.
      known.clear();
      reason = error;
      for (const path of listed.files.keys())
        await refuseUnreadable(tools, { workTree: call.tree.workTree, path }, error);
    }
    if (attempt === ATTEMPTS) throw writtenMeanwhile(call.tree.workTree, [], reason);
  }
}

interface Files {
  readonly listed: ListedTree;
  /** What is read is added. */
  readonly known: Map<string, KnownFile>;
  /** In milliseconds since 1970. */
  readonly began: number;
}

/** `undefined` when a file went before it was read. */
async function writeFiles(
  tools: WorkspaceTools,
  call: CaptureCall,
  { listed, known, began }: Files,
): Promise<Omit<Captured, "commit" | "skipped"> | undefined> {
  const { git, fileSystem } = tools;
  const { store, objects, signal } = call;
  const scratch = join(objects, "..");
  const files = new Map<string, EntryStatus>();
  const entries: string[] = [];
  const take = (path: string, status: EntryStatus, object: string): void => {
    files.set(path, status);
    entries.push(`${gitModeOf(status)} ${object}\t${path}\0`);
  };
  for (const path of known.keys()) if (!listed.files.has(path)) known.delete(path);
  const changed: string[] = [];
  for (const [path, status] of listed.files) {
    const before = known.get(path);
    if (before?.stamp === status.stamp) take(path, status, before.object);
    else changed.push(path);
  }
  await fileSystem.holdFiles(call.tree.workTree, changed, async (held) => {
    signal?.throwIfAborted();
    const names = await writeHeld(tools, { ...call, scratch }, held);
    for (const [index, status] of held.entries()) {
      const object = names[index] ?? "";
      take(status.path, status, object);
      if (status.settledAt < began) known.set(status.path, { stamp: status.stamp, object });
      else known.delete(status.path);
    }
  });
  if (files.size !== listed.files.size) return undefined;
  const environment = store.environment({ objects, index: join(scratch, "capture-index") });
  const at = { cwd: scratch, environment, signal };
  await fileSystem.remove(join(scratch, "capture-index"));
  if (entries.length > 0)
    await git.inspect(["update-index", "-z", "--index-info"], {
      ...at,
      input: Buffer.from(entries.join(""), "latin1"),
    });
  const tree = (await git.inspect(["write-tree"], at)).stdout.trim();
  await writeKnownFiles(fileSystem, join(scratch, KNOWN_FILES), known);
  return { tree, files: files.size, manifest: manifestOf(files, listed) };
}

/** Names of their objects. */
async function writeHeld(
  tools: WorkspaceTools,
  { store, objects, scratch, signal }: CaptureCall & { readonly scratch: string },
  held: readonly HeldEntry[],
): Promise<readonly string[]> {
  const { fileSystem } = tools;
  const links = join(scratch, "links");
  const addresses: string[] = [];
  for (const [index, { address, target }] of held.entries()) {
    const name = String(index);
    if (target !== undefined) await fileSystem.writeBeside(links, name, target);
    addresses.push(address ?? join(links, name));
  }
  const at = { cwd: scratch, environment: store.environment({ objects }), signal };
  const names = await writeObjects(tools, at, addresses);
  await fileSystem.remove(links);
  return names;
}

function gitModeOf({ mode }: EntryStatus): string {
  if ((mode & constants.S_IFMT) === constants.S_IFLNK) return "120000";
  return (mode & 0o100) === 0 ? "100644" : "100755";
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

function manifestOf(
  files: ReadonlyMap<string, EntryStatus>,
  { directories }: ListedTree,
): Pick<CheckpointManifest, "modes" | "directories"> {
  const permissions = (mode: number): number => mode & 0o7777;
  const special = [...files].flatMap(([path, { mode }]) =>
    (mode & constants.S_IFMT) === constants.S_IFREG && permissions(mode) !== ((mode & 0o100) === 0 ? 0o644 : 0o755)
      ? [[path, mode] as const]
      : [],
  );
  const told = (entries: readonly (readonly [string, number])[]): Readonly<Record<string, number>> =>
    Object.fromEntries(entries.map(([path, mode]) => [path, permissions(mode)]));
  return { modes: told(special), directories: told([...directories]) };
}

/** The index as it is: flags, conflicts, what was resolved; a split one is made whole. False when there is none. */
async function copyIndex(tools: WorkspaceTools, { tree, store, objects, signal }: CaptureCall): Promise<boolean> {
  const { git, fileSystem } = tools;
  const scratch = join(objects, "..");
  const copy = join(scratch, "index");
  const from = join(tree.gitDirectory, "index");
  if ((await fileSystem.kindOf(from)) !== "file") return false;
  const seconds = await secondsOf(tools, from);
  await fileSystem.copyEntry(Buffer.from(from), Buffer.from(copy));
  await fileSystem.setWrittenAt(copy, seconds * 1000);
  const shared = (await fileSystem.names(tree.gitDirectory)).filter((name) => name.startsWith("sharedindex."));
  if (shared.length === 0) return true;
  const at = { cwd: tree.workTree, environment: store.environment({ objects, index: copy }), signal };
  // Its other half is looked for beside the git directory that is named.
  const place = { ...at, environment: { ...at.environment, GIT_DIR: scratch } };
  for (const name of ["HEAD", "config"])
    await fileSystem.copyEntry(
      Buffer.from(join(at.environment["GIT_DIR"] ?? "", name)),
      Buffer.from(join(scratch, name)),
    );
  await fileSystem.makeDirectory(join(scratch, "refs"));
  for (const name of shared)
    await fileSystem.copyEntry(Buffer.from(join(tree.gitDirectory, name)), Buffer.from(join(scratch, name)));
  await git.inspect(["update-index", "--no-split-index"], place);
  await git.inspect(["update-index", "--no-split-index"], at);
  return true;
}
