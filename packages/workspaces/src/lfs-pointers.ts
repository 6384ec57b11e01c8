import { createHash } from "node:crypto";

import type { HeldFile } from "./held-files.ts";
import type { GitTree } from "./own-git-directory.ts";
import type { StatusEntry } from "./porcelain-status.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

interface Place {
  readonly environment: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What git with LFS would store of those of the paths that LFS keeps elsewhere, worked out here: its program is named by a configuration, and none runs. A file
 * that is a pointer already, or is empty, is what it is.
 */
export async function lfsPointers(
  { git, fileSystem }: WorkspaceTools,
  { workTree }: Pick<GitTree, "workTree">,
  { paths, environment, signal }: Place & { readonly paths: readonly string[] },
): Promise<ReadonlyMap<string, string>> {
  if (paths.length === 0) return new Map();
  const input = Buffer.from(paths.map((path) => `${path}\0`).join(""), "latin1");
  const args = ["check-attr", "-z", "--stdin", "filter"];
  const answer = (await git.inspectBytes(args, { cwd: workTree, environment, input, signal })).toString("latin1");
  const words = answer.split("\0");
  const kept = words.flatMap((path, index) => (index % 3 === 0 && words[index + 2] === "lfs" ? [path] : []));
  const files = await fileSystem.lookAtHeld(workTree, kept);
  return new Map([...files].flatMap(([path, file]) => (isWhole(file) ? [[path, pointerOf(file)] as const] : [])));
}

const VERSION = "version https://git-lfs.github.com/spec/v1";

function isWhole({ bytes, start }: HeldFile): boolean {
  return bytes > 0 && !start.toString("latin1").startsWith(`${VERSION}\n`);
}

function pointerOf({ bytes, sha256 }: HeldFile): string {
  return `${VERSION}\noid sha256:${sha256}\nsize ${String(bytes)}\n`;
}

/** Those of the entries that git with LFS would name, too: a file that is what its pointer in the index says is not changed. */
export async function asWithLfs(
  tools: WorkspaceTools,
  tree: Pick<GitTree, "workTree">,
  { entries, ...place }: Place & { readonly entries: readonly StatusEntry[] },
): Promise<readonly StatusEntry[]> {
  const changed = entries.filter(
    ({ kind, workTree, indexMode, workTreeMode }) =>
      kind === "tracked" && workTree === "M" && indexMode === workTreeMode && indexMode.startsWith("100"),
  );
  const pointers = await lfsPointers(tools, tree, { ...place, paths: changed.map(({ path }) => path) });
  if (pointers.size === 0) return entries;
  return entries.flatMap((entry) => {
    const pointer = pointers.get(entry.path);
    if (pointer === undefined || blobOf(pointer, entry.indexHash) !== entry.indexHash) return [entry];
    return entry.index === "." ? [] : [{ ...entry, workTree: "." }];
  });
}

/** Name of the blob, by the same hash as the other. */
function blobOf(text: string, { length }: string): string {
  const hash = createHash(length === 64 ? "sha256" : "sha1");
  return hash.update(`blob ${String(Buffer.byteLength(text))}\0${text}`).digest("hex");
}
