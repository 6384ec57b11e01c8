import type * as NodePty from "@lydell/node-pty";

import { BackendError } from "../contract/errors/backend-error.ts";

/** The terminal binding: an optional peer, loaded when the first terminal is asked for. */
export async function loadPty(): Promise<typeof NodePty> {
  try {
    return await import("@lydell/node-pty");
  } catch (error) {
    throw new BackendError({
      message: "Terminals cannot be opened on this machine",
      why: "the package @lydell/node-pty is missing or has no build for this platform",
      fix: ["npm install @lydell/node-pty"],
      cause: error,
    });
  }
}
