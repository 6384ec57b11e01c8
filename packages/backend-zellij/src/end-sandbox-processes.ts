import { setTimeout as delay } from "node:timers/promises";

import { markedProcesses } from "@clauderon/core/host";

import { looksLikeServerOf } from "./server-process.ts";

const POLL_MS = 20;
const AFTER_KILL_MS = 5000;

export interface EndRequest {
  /** `<instanceId>/<sandboxId>`. */
  readonly marker: string;
  readonly leaders: readonly number[];
  /** The server of this session lives on: an agent that ends in order still has its terminal. */
  readonly sessionName: string;
  readonly graceMs: number;
}

/** SIGTERM to every process of the sandbox but zellij's own, SIGKILL after the grace. Resolves when none lives. */
export async function endSandboxProcesses(request: EndRequest): Promise<void> {
  const asked = new Set<number>();
  const start = performance.now();
  for (;;) {
    const found = await markedProcesses(request.marker, request.leaders);
    const alive = found.filter((processId) => !isSessionServer(processId, request.sessionName));
    if (alive.length === 0) return;
    const elapsedMs = performance.now() - start;
    const isKill = elapsedMs >= request.graceMs;
    for (const processId of alive) {
      if (isKill || !asked.has(processId)) send(processId, isKill ? "SIGKILL" : "SIGTERM");
      asked.add(processId);
    }
    if (elapsedMs > request.graceMs + AFTER_KILL_MS) return;
    await delay(POLL_MS);
  }
}

/** Without `/proc` the server cannot be told from the rest in time: it is asked to end with them. */
function isSessionServer(processId: number, sessionName: string): boolean {
  return process.platform === "linux" && looksLikeServerOf(processId, sessionName);
}

function send(processId: number, signal: NodeJS.Signals): void {
  try {
    process.kill(processId, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ESRCH" && code !== "EPERM") throw error;
  }
}
