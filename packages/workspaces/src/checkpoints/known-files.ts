import type { WorkspaceFileSystem } from "../workspace-file-system.ts";

/** What was read of a file, and what it looked like then. */
export interface KnownFile {
  readonly stamp: string;
  /** Name of its content's object. */
  readonly object: string;
}

/** By path; bytes, held one per character (`latin1`). */
export type KnownFiles = ReadonlyMap<string, KnownFile>;

const VERSION = 1;

/** Empty for what cannot be read: everything is read anew then. */
export async function readKnownFiles(
  fileSystem: WorkspaceFileSystem,
  path: string | undefined,
): Promise<Map<string, KnownFile>> {
  const text = path === undefined ? undefined : await fileSystem.readText(path);
  return new Map(text === undefined ? [] : parse(text));
}

export async function writeKnownFiles(fileSystem: WorkspaceFileSystem, path: string, known: KnownFiles): Promise<void> {
  const files = [...known].map(([name, { stamp, object }]) => [name, stamp, object]);
  await fileSystem.writeText(path, JSON.stringify({ version: VERSION, files }));
}

function parse(text: string): readonly (readonly [string, KnownFile])[] {
  try {
    const { version, files }: Partial<Record<string, unknown>> = { ...(JSON.parse(text) as object | null) };
    if (version !== VERSION || !Array.isArray(files)) return [];
    return files.flatMap((file: unknown) => {
      const [path, stamp, object]: readonly unknown[] = Array.isArray(file) ? file : [];
      const areTexts = typeof path === "string" && typeof stamp === "string" && typeof object === "string";
      return areTexts && /^[0-9a-f]{40,64}$/u.test(object) ? [[path, { stamp, object }] as const] : [];
    });
  } catch {
    // Cut short by a crash.
    return [];
  }
}
