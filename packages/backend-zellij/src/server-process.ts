import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { promisify } from "node:util";

import { isProcessRunning } from "@clauderon/core/host";

/**
 * Whether the process is the zellij server of that session: its arguments end with the session's socket. A process id that was given to another
 * program meanwhile is told apart; without `/proc` any living process counts (see `isServerOf`).
 */
export function looksLikeServerOf(processId: number, sessionName: string): boolean {
  if (process.platform !== "linux") return isProcessRunning(processId);
  try {
    return isServerCommand(
      readFileSync(`/proc/${String(processId)}/cmdline`, "utf8").replaceAll("\0", " "),
      sessionName,
    );
  } catch {
    // It has ended.
    return false;
  }
}

/** The same, certain on every platform, at the price of a process where there is no `/proc`. */
export async function isServerOf(processId: number, sessionName: string): Promise<boolean> {
  if (process.platform === "linux" || !isProcessRunning(processId)) return looksLikeServerOf(processId, sessionName);
  try {
    const { stdout } = await promisify(execFile)("ps", ["-ww", "-o", "command=", "-p", String(processId)]);
    return isServerCommand(stdout, sessionName);
  } catch {
    // ps found no such process.
    return false;
  }
}

/** Whether a zellij server listens, or will, at that socket: looks at every process. False where there is no `/proc`. */
export function hasServerAt(socket: string): boolean {
  if (process.platform !== "linux") return false;
  return readdirSync("/proc").some((entry) => {
    if (!/^\d+$/u.test(entry)) return false;
    try {
      return readFileSync(`/proc/${entry}/cmdline`, "utf8").includes(`\0--server\0${socket}\0`);
    } catch {
      // It ended between the two looks.
      return false;
    }
  });
}

function isServerCommand(command: string, sessionName: string): boolean {
  return command.includes(" --server ") && command.trimEnd().endsWith(`/${sessionName}`);
}
