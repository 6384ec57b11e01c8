import { once } from "node:events";
import { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";

import { silentLogger, type Logger, type SandboxChannel } from "@clauderon/core/contract";

import type { GuestClient } from "./guest-client.ts";

export interface KeepCarrierOptions {
  readonly client: Pick<GuestClient, "carry">;
  readonly accept: NonNullable<SandboxChannel["accept"]>;
  readonly logger?: Logger | undefined;
}

const shortestPauseMs = 50;
const longestPauseMs = 5000;
/** A carrier that held longer was no failed try. */
const longLifeMs = 10_000;

/** Brings a sandbox's carriers to its channel, one after another, as long as it is not disposed; for channels without a socket in the sandbox. Never fails: what is not there yet is tried again. */
export function keepCarrier({ client, accept, logger = silentLogger }: KeepCarrierOptions): AsyncDisposable {
  const closing = new AbortController();
  const { signal } = closing;
  const keeping = keep();

  async function keep(): Promise<void> {
    for (let pauseMs = shortestPauseMs; !signal.aborted; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      const beganAt = performance.now();
      try {
        await carryOnce();
      } catch (error) {
        if (!signal.aborted) logger.debug({ error }, "there is no carrier to the sandbox yet");
      }
      if (performance.now() - beganAt > longLifeMs) pauseMs = shortestPauseMs;
      // Rejects when it is disposed, which the loop sees.
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async function carryOnce(): Promise<void> {
    const carrier = await client.carry({ signal });
    const end = (): void => void carrier.destroy();
    signal.addEventListener("abort", end, { once: true });
    try {
      const over = once(carrier, "close");
      accept(Duplex.toWeb(carrier));
      await over;
    } finally {
      signal.removeEventListener("abort", end);
    }
  }

  return {
    async [Symbol.asyncDispose]() {
      closing.abort();
      await keeping;
    },
  };
}
