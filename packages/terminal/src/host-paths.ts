import { createHash } from "node:crypto";
import { lstatSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { HostError } from "./host-protocol.ts";

/** Longest path that every system takes for a Unix socket (macOS: 104 with its end mark). */
const socketPathBytes = 100;

export interface HostPaths {
  /** `run/` in the home: key, lock. */
  readonly runDirectory: string;
  /** Where the socket lies; the run directory itself when its path is short enough. */
  readonly socketDirectory: string;
  readonly socket: string;
  readonly key: string;
  readonly lock: string;
  /** Held by the client that starts a host. */
  readonly starterLock: string;
  readonly log: string;
}

/** Where the session host of a home keeps its files. Pure but for `XDG_RUNTIME_DIR`. */
export function hostPaths(homeDirectory: string): HostPaths {
  const runDirectory = join(homeDirectory, "run");
  const direct = join(runDirectory, "host.sock");
  const hash = createHash("sha256").update(homeDirectory).digest("hex").slice(0, 12);
  const fallback = join(process.env["XDG_RUNTIME_DIR"] || tmpdir(), `clauderon-${userId()}-${hash}`);
  const isShort = Buffer.byteLength(direct) <= socketPathBytes;
  return {
    runDirectory,
    socketDirectory: isShort ? runDirectory : fallback,
    socket: isShort ? direct : join(fallback, "host.sock"),
    key: join(runDirectory, "host.key"),
    lock: join(runDirectory, "host.lock"),
    starterLock: join(runDirectory, "host.starter.lock"),
    log: join(homeDirectory, "logs", "session-host.log"),
  };
}

/** Makes the directory with mode 0700; one that is a symlink, another user's, or open to others is refused. */
export function ensurePrivateDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  checkPrivateDirectory(path);
}

/** Throws unless the path is a directory, no symlink, ours, and closed to others. */
export function checkPrivateDirectory(path: string): void {
  const status = lstatSync(path);
  if (!status.isDirectory()) throw refusal(path, "it is not a directory", `remove it: rm ${path}`);
  if (status.uid !== userId())
    throw refusal(path, `it belongs to user ${status.uid}`, `remove it or choose another CLAUDERON_HOME`);
  if ((status.mode & 0o077) !== 0) throw refusal(path, "other users may enter it", `chmod 700 ${path}`);
}

export function userId(): number {
  return process.getuid?.() ?? 0;
}

function refusal(path: string, why: string, fix: string): HostError {
  return new HostError("path.refused", `The directory ${path} is refused: ${why}`, fix);
}
