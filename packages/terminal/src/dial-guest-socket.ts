import { closeSync, constants, fstatSync, lstatSync, openSync } from "node:fs";
import type { Socket } from "node:net";

import { SandboxError } from "@clauderon/core/contract";

import { isErrorCode } from "./host-error-code.ts";
import { dialSocket } from "./host-link.ts";

/** `O_PATH`, which Node does not name: finds a file and opens nothing. */
const findOnly = 0o10_000_000;

/**
 * A connection to a guest's socket in a directory that the sandbox can write to: never through a symbolic link that was put in its place, and whatever the length of the path. `undefined` when nothing listens there.
 */
export async function dialGuestSocket(path: string): Promise<Socket | undefined> {
  try {
    return process.platform === "linux" ? await dialFound(path) : await dialChecked(path);
  } catch (error) {
    if (isErrorCode(error, "ENOENT", "ECONNREFUSED", "ENOTDIR")) return undefined;
    throw error;
  }
}

async function dialFound(path: string): Promise<Socket> {
  const file = openSync(path, findOnly | constants.O_NOFOLLOW);
  try {
    if (!fstatSync(file).isSocket()) throw notASocket(path);
    return await dialSocket(`/proc/self/fd/${file}`);
  } finally {
    closeSync(file);
  }
}

async function dialChecked(path: string): Promise<Socket> {
  if (!lstatSync(path).isSocket()) throw notASocket(path);
  return dialSocket(path);
}

function notASocket(path: string): SandboxError {
  return new SandboxError({
    message: "Something else stands where the guest of the sandbox listens",
    why: `${path} is not a socket`,
    fix: ["stop the session and start it again"],
  });
}
