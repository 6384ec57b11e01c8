import { accessSync, constants, existsSync } from "node:fs";
import { dirname } from "node:path";

import type { BackendContext, CallOptions, DoctorCheck, DoctorReport } from "@clauderon/core/contract";
import { hostPaths, probePty } from "@clauderon/terminal";

/** Whether sessions can run as processes here: a terminal can be made, the home can be written, the socket's path is short enough. */
export async function localDoctor(
  { homeDirectory }: Pick<BackendContext, "homeDirectory">,
  { signal }: CallOptions = {},
): Promise<DoctorReport> {
  signal?.throwIfAborted();
  const checks = [await terminalCheck(), homeCheck(homeDirectory), socketCheck(homeDirectory)];
  signal?.throwIfAborted();
  return {
    backendId: "local",
    isUsable: checks.every(({ status }) => status !== "failed"),
    version: process.version,
    checks,
  };
}

async function terminalCheck(): Promise<DoctorCheck> {
  try {
    await probePty();
    return { id: "terminal", status: "ok", message: "terminals can be made" };
  } catch (error) {
    return {
      id: "terminal",
      status: "failed",
      message: `no terminal can be made: ${messageOf(error)}`,
      fix: "reinstall clauderon with its optional dependencies: npm install -g clauderon --include=optional",
    };
  }
}

function homeCheck(homeDirectory: string): DoctorCheck {
  let path = homeDirectory;
  while (!existsSync(path) && dirname(path) !== path) path = dirname(path);
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return { id: "home", status: "ok", message: `${homeDirectory} can be written` };
  } catch (error) {
    return {
      id: "home",
      status: "failed",
      message: `${homeDirectory} cannot be written: ${messageOf(error)}`,
      fix: `chmod u+rwx ${path}`,
    };
  }
}

function socketCheck(homeDirectory: string): DoctorCheck {
  const { socket } = hostPaths(homeDirectory);
  if (Buffer.byteLength(socket) <= 100)
    return { id: "socket", status: "ok", message: `the session host is reached at ${socket}` };
  return {
    id: "socket",
    status: "failed",
    message: `the path ${socket} is too long for a socket`,
    fix: "set XDG_RUNTIME_DIR or TMPDIR to a shorter path",
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
