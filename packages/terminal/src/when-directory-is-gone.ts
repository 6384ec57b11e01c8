import { statSync } from "node:fs";

const lookMs = 1000;
/** One miss may be a network file system that hiccups: so long after it comes the look that decides. */
const lookAgainMs = 200;

/** Calls back once, when the directory was deleted or replaced by another of its name. */
export function whenDirectoryIsGone(path: string, isGone: () => void): void {
  const own = inode(path);
  const look = (hasMissed: boolean): void => {
    const isThere = inode(path, own) === own;
    if (hasMissed && !isThere) return isGone();
    setTimeout(look, isThere ? lookMs : lookAgainMs, !isThere).unref();
  };
  look(false);
}

/** 0 when there is none. What cannot be told now counts as unchanged: `own`. */
function inode(path: string, own?: number): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.ino ?? 0;
  } catch {
    // No right to look, or a disk that fails: no reason to end what runs.
    return own;
  }
}
