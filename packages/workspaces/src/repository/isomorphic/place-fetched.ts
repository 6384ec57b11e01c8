import { join } from "node:path";

import { WorkspaceError } from "@clauderon/core/contract";
import { isProcessRunning } from "@clauderon/core/host";

import type { WorkspaceFileSystem } from "../../workspace-file-system.ts";
import { createConfinedFiles } from "./confined-files.ts";
import { readRefs } from "./read-refs.ts";
import type { Fetched } from "./work.ts";

/** What is fetched to; other references of the clone are of sessions. */
function isFetched(name: string): boolean {
  return name.startsWith("refs/remotes/origin/") || name.startsWith("refs/tags/") || name === "refs/clauderon/head";
}

interface Place {
  readonly path: string;
  readonly scratch: string;
  readonly fetched: Fetched;
}

/** Objects first, then every reference at once by one rename; what stands in its way as a file goes after. */
export async function placeFetched(fileSystem: WorkspaceFileSystem, { path, scratch, fetched }: Place): Promise<void> {
  const packs = join(path, "objects", "pack");
  if (fetched.pack !== undefined) {
    // Git looks for a pack when it has seen its index.
    for (const ending of ["pack", "idx"]) {
      const name = `${fetched.pack}.${ending}`;
      await fileSystem.sync(join(scratch, "objects", "pack", name));
      await fileSystem.rename(join(scratch, "objects", "pack", name), join(packs, name));
    }
    await fileSystem.sync(packs);
  }
  const lock = join(path, "packed-refs.lock");
  await claim(fileSystem, lock);
  try {
    await writeRefs(fileSystem, path, fetched);
  } finally {
    await fileSystem.remove(lock);
  }
  await fileSystem.replaceDurably(join(path, "HEAD"), `${fetched.head}\n`);
}

/** Git's own lock. One of ours whose process has died is nobody's. */
async function claim(fileSystem: WorkspaceFileSystem, lock: string): Promise<void> {
  const text = `clauderon ${String(process.pid)}\n`;
  if (await fileSystem.claim(lock, text)) return;
  const owner = /^clauderon (\d+)\n$/u.exec((await fileSystem.readText(lock)) ?? "")?.[1];
  if (owner === undefined || isProcessRunning(Number(owner))) throw locked(lock);
  await fileSystem.remove(lock);
  if (!(await fileSystem.claim(lock, text))) throw locked(lock);
}

async function writeRefs(fileSystem: WorkspaceFileSystem, path: string, fetched: Fetched): Promise<void> {
  const files = createConfinedFiles({ roots: [path] });
  const ours = new Map((await readRefs(files, path, ["refs"])).map((ref) => [ref.name, ref]));
  const fresh = new Map(fetched.refs.map(({ name, object }) => [name, object]));
  const packed = new Map(fresh);
  // Those of sessions stay as they are: where they are files, what is packed does not count.
  for (const [name, { object, target }] of ours)
    if (!isFetched(name) && object !== undefined && target === "") packed.set(name, object);
  const lines = [...packed]
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, object]) => `${object} ${name}\n`);
  await fileSystem.replaceDurably(join(path, "packed-refs"), lines.join(""));
  for (const [name] of ours) {
    if (isFetched(name)) await fileSystem.remove(join(path, name));
  }
}

function locked(lock: string): WorkspaceError {
  return new WorkspaceError({
    message: "The references of a clone are being written by another program",
    why: `${lock} exists`,
    fix: ["let it end and try again", `when no git runs there, one has died: rm '${lock}'`],
    context: { lock },
  });
}
