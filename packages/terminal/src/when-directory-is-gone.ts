import { statSync } from "node:fs";

const lookMs = 1000;
/** Once may be a network file system that hiccups. */
const wantedMisses = 2;

/** Calls back once, when the directory was deleted or replaced by another of its name. */
export function whenDirectoryIsGone(path: string, isGone: () => void): void {
  const own = inode(path);
  let misses = 0;
  const timer = setInterval(() => {
    misses = inode(path, own) === own ? 0 : misses + 1;
    if (misses < wantedMisses) return;
    clearInterval(timer);
    isGone();
  }, lookMs);
  timer.unref();
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
