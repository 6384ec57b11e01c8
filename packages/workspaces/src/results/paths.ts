/** A path of git's in a directory; paths are bytes, held one per character (`latin1`). */
export function bytesOf(directory: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(path, "latin1")]);
}

/** `a/b/c` → `a`, `a/b`. */
export function parentsOf(path: string): readonly string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
}

/** Deepest first. */
export function deepestFirst(paths: Iterable<string>): readonly string[] {
  return [...new Set(paths)].toSorted((left, right) => right.split("/").length - left.split("/").length);
}
