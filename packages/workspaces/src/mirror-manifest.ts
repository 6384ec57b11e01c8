import { join } from "node:path";

import type { WorkspaceFileSystem } from "./workspace-file-system.ts";

/** An object that a reference names. */
export interface GitObject {
  readonly object: string;
  /** `commit`, `tag`, `tree`, `blob`. */
  readonly type: string;
}

/** One pack of a generation: what its tips reach and the tips of the layers before it do not. */
export interface MirrorLayer {
  readonly tips: readonly GitObject[];
  /** File name without its ending. */
  readonly pack: string;
  readonly bytes: number;
}

/** Lies in a generation: what it is made of. */
export interface MirrorManifest {
  /** ISO 8601, UTC. */
  readonly madeAt: string;
  /** Git directory of the repository that it was made from. */
  readonly commonDirectory: string;
  readonly isSha256: boolean;
  readonly shallow: string;
  /** In this order: each needs only those before it. */
  readonly layers: readonly MirrorLayer[];
}

const MANIFEST = "clauderon-mirror.json";

/** A generation's manifest; `undefined` when it is not whole. */
export async function readManifest(
  fileSystem: WorkspaceFileSystem,
  generation: string,
): Promise<MirrorManifest | undefined> {
  const manifest = parseManifest(await fileSystem.readText(join(generation, MANIFEST)));
  if (manifest === undefined) return undefined;
  const files = manifest.layers.flatMap(({ pack }) => packFiles(generation, pack));
  const kinds = await Promise.all(files.map((file) => fileSystem.kindOf(file)));
  return kinds.every((kind) => kind === "file") ? manifest : undefined;
}

export async function writeManifest(
  fileSystem: WorkspaceFileSystem,
  generation: string,
  manifest: MirrorManifest,
): Promise<void> {
  await fileSystem.replaceDurably(join(generation, MANIFEST), JSON.stringify(manifest));
}

export function packFiles(generation: string, pack: string): readonly string[] {
  return ["pack", "idx"].map((ending) => join(generation, "objects", "pack", `${pack}.${ending}`));
}

function parseManifest(text: string | undefined): MirrorManifest | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isManifest(value) ? value : undefined;
  } catch {
    // Damaged by a disk or by hand: the generation is made anew.
    return undefined;
  }
}

function isManifest(value: unknown): value is MirrorManifest {
  if (typeof value !== "object" || value === null) return false;
  const fields: Partial<Record<string, unknown>> = { ...value };
  return (
    typeof fields["madeAt"] === "string" &&
    typeof fields["commonDirectory"] === "string" &&
    typeof fields["isSha256"] === "boolean" &&
    typeof fields["shallow"] === "string" &&
    Array.isArray(fields["layers"]) &&
    fields["layers"].every(isLayer)
  );
}

function isLayer(value: unknown): value is MirrorLayer {
  if (typeof value !== "object" || value === null) return false;
  const fields: Partial<Record<string, unknown>> = { ...value };
  return (
    typeof fields["pack"] === "string" &&
    /^pack-[0-9a-f]{40,64}$/u.test(fields["pack"]) &&
    typeof fields["bytes"] === "number" &&
    Array.isArray(fields["tips"])
  );
}
