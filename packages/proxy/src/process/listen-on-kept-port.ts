import { randomInt } from "node:crypto";

import { DaemonError } from "@clauderon/core/contract";

import type { ProxyState } from "./proxy-state.ts";

/** Below what systems take for the own ends of connections: one of those could have the port when the proxy comes back after a crash. */
const firstPort = 18_100;
const portCount = 500;
const mostTries = 20;

/** Where a proxy listens; `0` = any free port. */
export type Listen = (port: number) => Promise<number>;

/**
 * Listens where the proxy of the home listened before: environments that were given its port stay true. While nobody has been given it, a port that is taken is left for
 * another. Rejects with `daemon.port-taken`, saying by whom.
 */
export async function listenOnKeptPort(state: ProxyState, statePath: string, listen: Listen): Promise<number> {
  const { port: kept, sessions } = state;
  if (kept !== undefined) {
    try {
      return await listen(kept);
    } catch (error) {
      if (!DaemonError.isInstance(error, "daemon.port-taken")) throw error;
      if (Object.keys(sessions).length > 0) throw taken(error, statePath);
    }
  }
  return listenOnFreePort(listen);
}

async function listenOnFreePort(listen: Listen): Promise<number> {
  for (let count = 0; count < mostTries; count += 1) {
    try {
      return await listen(firstPort + randomInt(portCount));
    } catch (error) {
      if (!DaemonError.isInstance(error, "daemon.port-taken")) throw error;
    }
  }
  return listen(0);
}

function taken(error: DaemonError, statePath: string): DaemonError {
  const [end] = error.fix;
  return new DaemonError({
    code: "daemon.port-taken",
    message: error.message,
    why: error.why,
    fix: [
      end,
      `or give the proxy another port: mv ${statePath} ${statePath}.old && clauderon daemon restart; then each session that runs: clauderon restart NAME`,
    ],
    cause: error,
  });
}
