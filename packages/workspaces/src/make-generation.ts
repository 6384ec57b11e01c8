import { basename, dirname, join } from "node:path";

import { type CreationProgress, type OnCreationProgress, WorkspaceError } from "@clauderon/core/contract";

import { formatGitConfig, parseGitConfig } from "./git-config-file.ts";
import { complaintOf } from "./git.ts";
import { type GitObject, type MirrorLayer, type MirrorManifest, packFiles, writeManifest } from "./mirror-manifest.ts";
import { gitForSession } from "./orphaned-git.ts";
import { repositoryOf } from "./repository/repository-of.ts";
import { reusableLayers } from "./reusable-layers.ts";
import type { ScratchDirectories } from "./scratch-directories.ts";
import type { RepositoryView } from "./visible-refs.ts";
import { watchPacks } from "./watch-packs.ts";
import { codeOf } from "./workspace-file-system.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

export interface GenerationCall {
  readonly commonDirectory: string;
  readonly view: RepositoryView;
  /** The newest generation, whose packs are shared as far as all in them can still be seen. */
  readonly before: { readonly path: string; readonly manifest: MirrorManifest } | undefined;
  /** Where it will lie; nothing of it is there before it is whole. */
  readonly path: string;
  readonly making: ScratchDirectories;
  /** Called when it is whole, in the directory where it lies until it gets its name. */
  readonly onWhole?: ((directory: string) => Promise<void>) | undefined;
  readonly onProgress?: OnCreationProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Makes a generation under another name and gives it its own when it is whole. Several at once make one. */
export async function makeGeneration(given: WorkspaceTools, call: GenerationCall): Promise<void> {
  const { fileSystem } = given;
  const { path: directory, discard } = call.making.reserve();
  const tools = { ...given, git: gitForSession(given, orphanMark(basename(directory))) };
  try {
    await prepare(tools, directory, call);
    const layers = await fill(tools, directory, call);
    await Promise.all([fileSystem.sync(join(directory, "objects", "pack")), fileSystem.sync(directory)]);
    await writeManifest(fileSystem, directory, {
      madeAt: new Date().toISOString(),
      commonDirectory: call.commonDirectory,
      isSha256: call.view.isSha256,
      shallow: call.view.shallow,
      layers,
    });
    call.signal?.throwIfAborted();
    await call.onWhole?.(directory);
    await fileSystem.makeDirectory(dirname(call.path));
    await fileSystem.rename(directory, call.path);
    await fileSystem.sync(dirname(call.path));
  } catch (error) {
    // Another process of this home was quicker: its generation is the same.
    if (codeOf(error) !== "ENOTEMPTY" && codeOf(error) !== "EEXIST") throw await explained(tools, call, error);
  } finally {
    await discard();
  }
}

/** What the git of a generation in the making is recognised by after its process has died. */
export function orphanMark(name: string): string {
  return `mirror ${name}`;
}

async function prepare({ fileSystem }: WorkspaceTools, directory: string, { view }: GenerationCall): Promise<void> {
  // One after the other: what fails must leave nothing running that still makes something.
  for (const name of [join("objects", "pack"), join("objects", "info"), "refs", "borrowers"])
    await fileSystem.makeDirectory(join(directory, name));
  const format = view.isSha256 ? [{ key: "extensions.objectformat", value: "sha256" }] : [];
  const config = formatGitConfig([
    { key: "core.repositoryformatversion", value: view.isSha256 ? "1" : "0" },
    { key: "core.bare", value: "true" },
    ...format,
  ]);
  const refs = view.refs.map(({ object, name }) => `${object} ${name}\n`).join("");
  await fileSystem.writeText(join(directory, "config"), config);
  // Of a branch that is never there: sessions start from commits.
  await fileSystem.writeText(join(directory, "HEAD"), "ref: refs/heads/clauderon-none\n");
  await fileSystem.writeText(join(directory, "packed-refs"), refs);
  if (view.shallow !== "") await fileSystem.writeText(join(directory, "shallow"), view.shallow);
}

async function fill(tools: WorkspaceTools, directory: string, call: GenerationCall): Promise<readonly MirrorLayer[]> {
  const { view, signal } = call;
  const shared = await share(tools, directory, call);
  const layers = [...shared];
  const packing: PackCall = {
    from: call.commonDirectory,
    into: directory,
    watch: await watchOf(tools, call, layers),
    signal,
  };
  // What is rewound often is kept apart from what hardly ever is, so that less must be written anew.
  const steps = layers.length === 0 && view.trunk !== undefined ? [[view.trunk], view.tips] : [view.tips];
  for (const step of steps) {
    const known = new Set(layers.flatMap(({ tips }) => tips).map(({ object }) => object));
    const tips = step.filter(({ object }) => !known.has(object));
    const layer = tips.length === 0 ? undefined : await pack(tools, packing, { tips, without: [...known] });
    if (layer === undefined) continue;
    layers.push(layer);
    if (packing.watch !== undefined) packing.watch.written += layer.bytes;
  }
  const { written = 0, onProgress } = packing.watch ?? {};
  if (written > 0) onProgress?.({ task: "history", phase: "writing", bytes: written, totalBytes: written });
  return layers;
}

interface Watch {
  readonly onProgress: OnCreationProgress;
  /** In packs that are done. */
  written: number;
  readonly totalBytes?: number | undefined;
}

/** Where nothing can be shared, what there will be is about what the repository has. */
async function watchOf(
  { fileSystem }: WorkspaceTools,
  { onProgress, commonDirectory }: GenerationCall,
  shared: readonly MirrorLayer[],
): Promise<Watch | undefined> {
  if (onProgress === undefined) return undefined;
  const packs = shared.length > 0 ? 0 : await fileSystem.bytesOf(join(commonDirectory, "objects", "pack"));
  return { onProgress, written: 0, ...(packs === 0 ? {} : { totalBytes: packs }) };
}

async function share(tools: WorkspaceTools, directory: string, call: GenerationCall): Promise<readonly MirrorLayer[]> {
  const { before, view, commonDirectory: lender, signal } = call;
  if (before === undefined || before.manifest.isSha256 !== view.isSha256 || before.manifest.shallow !== view.shallow)
    return [];
  const { path: gitDirectory, manifest } = before;
  const layers = await reusableLayers(tools, { layers: manifest.layers, view, gitDirectory, lender, signal });
  for (const { pack: name } of layers) {
    for (const file of packFiles(before.path, name))
      await tools.fileSystem.shareFile(file, join(directory, "objects", "pack", basename(file)));
  }
  return layers;
}

function progressOf({ totalBytes }: Watch, phase: CreationProgress["phase"], bytes: number): CreationProgress {
  // What is borrowed from elsewhere, or loose, comes on top of what is known.
  const total = totalBytes === undefined || bytes >= totalBytes ? {} : { totalBytes };
  return { task: "history", phase, bytes, ...total };
}

interface PackCall {
  readonly from: string;
  readonly into: string;
  readonly watch: Watch | undefined;
  readonly signal: AbortSignal | undefined;
}

/** One new pack with what is missing; `undefined` when nothing is. */
async function pack(
  tools: WorkspaceTools,
  { from, into, watch, signal }: PackCall,
  { tips, without }: { readonly tips: readonly GitObject[]; readonly without: readonly string[] },
): Promise<MirrorLayer | undefined> {
  const request = { from, into, tips: tips.map(({ object }) => object), without };
  const working = repositoryOf(tools).pack(request, { signal });
  const name = await (watch === undefined
    ? working
    : watchPacks(tools, {
        directory: into,
        working,
        tell: ({ phase, bytes }) => watch.onProgress(progressOf(watch, phase, watch.written + bytes)),
      }));
  if (name === undefined) return undefined;
  const [file = ""] = packFiles(into, name);
  return { tips, pack: name, bytes: await tools.fileSystem.bytesOf(file) };
}

async function explained(
  { fileSystem }: WorkspaceTools,
  { commonDirectory, signal }: GenerationCall,
  error: unknown,
): Promise<unknown> {
  if (signal?.aborted === true || complaintOf(error) === "") return error;
  const settings = parseGitConfig((await fileSystem.readText(join(commonDirectory, "config"))) ?? "");
  const partial = settings.find(({ key }) => /^remote\..+\.(?:promisor|partialclonefilter)$/u.test(key));
  if (partial === undefined) return error;
  const remote = partial.key.replace(/^remote\./u, "").replace(/\.[^.]+$/u, "");
  return new WorkspaceError({
    message: `The repository ${commonDirectory} is a partial clone: an isolated session cannot work with what is not there`,
    why: complaintOf(error),
    fix: [
      `fetch the rest of it: git -C '${commonDirectory}' fetch --refetch --no-filter ${remote}`,
      "or name a whole clone: --repo PATH",
    ],
    context: { commonDirectory },
    cause: error,
  });
}
