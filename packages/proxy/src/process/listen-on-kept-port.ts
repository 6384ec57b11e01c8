import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

import { DaemonError } from "@clauderon/core/contract";

import type { ProxyState } from "./proxy-state.ts";

/** Below what systems take for the own ends of connections: one of those could have the port when the proxy comes back after a crash. */
const firstPort = 18_100;
const portCount = 500;
const mostTries = 20;
const mostLooks = 10;
const lookMs = 200;

/** Where a proxy listens; `0` = any free port. */
export type Listen = (port: number) => Promise<number>;

/**
 * Listens where the proxy of the home listened before: environments that were given its port stay true. While nobody has been given it, a port that is taken is left for
 * another. Rejects with `daemon.port-taken`, saying by whom.
 */
export async function listenOnKeptPort(state: ProxyState, statePath: string, listen: Listen): Promise<number> {
  const { port: kept, sessions } = state;
  if (kept !== undefined) {
    const error = await listened(kept, listen);
    if (error === undefined) return kept;
    if (Object.keys(sessions).length > 0) throw taken(error, statePath);
  }
  return listenOnFreePort(listen);
}

/** `undefined` = it listens. A predecessor that was killed may still be letting go of the port. */
async function listened(port: number, listen: Listen): Promise<DaemonError | undefined> {
  for (let looks = 1; ; looks += 1) {
    try {
      await listen(port);
      return undefined;
    } catch (error) {
      if (!DaemonError.isInstance(error, "daemon.port-taken")) throw error;
      if (looks === mostLooks) return error;
      await delay(lookMs);
    }
  }
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
