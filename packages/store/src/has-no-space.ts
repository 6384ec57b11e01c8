import { statfsSync } from "node:fs";
import { dirname } from "node:path";

/** Less than SQLite needs to open a log and its index. */
const NEEDED_BYTES = 128 * 1024;

/** Whether the disk of a file is full. SQLite reports some writes to a full disk as plain I/O errors. */
export function hasNoSpace(path: string): boolean {
  try {
    const { bavail, bsize, files, ffree } = statfsSync(dirname(path));
    return bavail * bsize < NEEDED_BYTES || (files > 0 && ffree === 0);
  } catch {
    // Only asked to name an error better: the error itself is reported anyway.
    return false;
  }
}
