import type { StatusEntry } from "../porcelain-status.ts";

const GITLINK = "160000";

/** What makes the tree of all files out of HEAD's: bytes, held one per character. */
export interface TreePaths {
  /** Nothing lies there; something else may lie in the place of one of its directories. */
  readonly gone: readonly string[];
  readonly there: readonly string[];
}

/** Of all that differs from HEAD, staged or not. What is a repository of its own is left out. */
export function treePaths(entries: readonly StatusEntry[]): TreePaths {
  const files = entries.filter(
    ({ path, indexMode, workTreeMode }) => !path.endsWith("/") && indexMode !== GITLINK && workTreeMode !== GITLINK,
  );
  const pathsOf = (wanted: boolean): readonly string[] =>
    files.flatMap((entry) => (isGone(entry) === wanted ? [entry.path] : []));
  return { gone: pathsOf(true), there: pathsOf(false) };
}

function isGone({ kind, index, workTree, workTreeMode }: StatusEntry): boolean {
  if (kind === "unmerged") return workTreeMode === "000000";
  return workTree === "D" || (index === "D" && workTree === ".");
}

/** For git's `-z --stdin`. */
export function pathList(paths: readonly string[]): Buffer {
  return Buffer.from(paths.map((path) => `${path}\0`).join(""), "latin1");
}
