/** Names in objects, as git writes them; what makes no sense ends the reading. */
export interface TreeEntry {
  readonly mode: string;
  readonly object: string;
}

const GITLINK_MODE = "160000";

export function parseTree(content: Buffer): readonly TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(0x20, at);
    const end = content.indexOf(0, at);
    if (space === -1 || end === -1 || space > end || end + 21 > content.length)
      throw new RangeError("a tree is cut off");
    entries.push({ mode: content.toString("latin1", at, space), object: content.toString("hex", end + 1, end + 21) });
    at = end + 21;
  }
  return entries;
}

/** A commit of another repository. */
export function isGitlink({ mode }: TreeEntry): boolean {
  return mode === GITLINK_MODE;
}

export function parseCommit(content: Buffer): { readonly tree: string; readonly parents: readonly string[] } {
  const head = headOf(content);
  const tree = /^tree ([0-9a-f]{40})\n/u.exec(head)?.[1];
  if (tree === undefined) throw new RangeError("a commit names no tree");
  const lines = /^tree [0-9a-f]{40}\n((?:parent [0-9a-f]{40}\n)*)/u.exec(head)?.[1] ?? "";
  return { tree, parents: [...lines.matchAll(/^parent ([0-9a-f]{40})$/gmu)].map(([, parent = ""]) => parent) };
}

/** What an annotated tag names. */
export function parseTag(content: Buffer): string {
  const object = /^object ([0-9a-f]{40})\n/u.exec(headOf(content))?.[1];
  if (object === undefined) throw new RangeError("a tag names no object");
  return object;
}

/** Until the first empty line. */
function headOf(content: Buffer): string {
  const end = content.indexOf("\n\n");
  return content.toString("latin1", 0, end === -1 ? content.length : end + 1);
}
