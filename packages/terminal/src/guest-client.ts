import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";

import { ClauderonError, OperationError, type CallOptions } from "@clauderon/core/contract";

import { decodeGuest } from "./decode-guest-message.ts";
import type { EgressProbe, GuestInfo, GuestReports } from "./guest-protocol.ts";
import { HostClient } from "./host-client.ts";
import { waitFor, type HostDoor } from "./host-links.ts";
import { guestPeer } from "./host-peer.ts";
import type { SessionHostClient } from "./session-host-client.ts";

export interface GuestClientOptions {
  /** Only sandboxes of this instance are seen. */
  readonly instanceId: string;
  /** The 32 bytes that the guest was given when it started. */
  readonly key: Uint8Array;
  /** Milliseconds for a connection, and for its handshake; default 10,000. */
  readonly dialMs?: number | undefined;
  /** Milliseconds in which what needs no waiting is answered; default 30,000. */
  readonly answerMs?: number | undefined;
  /**
   * A new connection to the guest: `dialGuestSocket`, or both ends of `clauderon-guest connect` as the engine's exec runs it. `undefined` when the sandbox does not run or nothing listens there; rejects when that
   * cannot be known. What comes after the abort is destroyed.
   */
  readonly dial: (options: { readonly signal: AbortSignal }) => Promise<Duplex | undefined>;
}

/**
 * The guest of a sandbox, as its clients see it: what the session host can do, and the way out. Whatever it says is read as a stranger's words: a wrong form costs the connection or the answer. Connects when it
 * must, and again when the connection was lost; calls are asked again, and a terminal is attached anew with `since`.
 */
export interface GuestClient extends SessionHostClient {
  info(options?: CallOptions): Promise<GuestInfo | undefined>;
  /** Resolves when the guest answers. Rejects when it does not within the time (default 10,000 ms), or something else answers in its place. */
  untilReady(options?: CallOptions & { readonly timeoutMs?: number | undefined }): Promise<GuestInfo>;
  /** The hooks' reports after a sequence (default 0), as soon as there are any; all that are kept when the guest has begun anew. Rejects with `sandbox.not-running` when there is no guest. */
  waitForReports(options?: CallOptions & { readonly since?: number | undefined }): Promise<GuestReports>;
  /** What can be reached from inside. At most 64 targets `tcp:HOST:PORT`, `udp:HOST:PORT`, `dns:NAME`, each for `timeoutMs` (default 2,000, at most 10,000). */
  probeEgress(
    options: CallOptions & { readonly targets: readonly string[]; readonly timeoutMs?: number | undefined },
  ): Promise<EgressProbe>;
  /** A connection of its own that carries the sandbox's channel to the proxy from here on; the guest speaks first. It is paused: whoever reads it by events resumes it. It replaces the carrier before it. */
  carry(options?: CallOptions): Promise<Duplex>;
}

/** A client of one guest. Nothing happens before its first call. */
export function createGuestClient(options: GuestClientOptions): GuestClient {
  return new GuestHostClient(options);
}

const defaultDialMs = 10_000;
const defaultAnswerMs = 30_000;
const defaultReadyMs = 10_000;
const longestPauseMs = 200;

class GuestHostClient extends HostClient implements GuestClient {
  constructor(options: GuestClientOptions) {
    super(doorOf(options), options.instanceId);
  }

  override async info({ signal }: CallOptions = {}): Promise<GuestInfo | undefined> {
    const result = await this.links.call("host.info", {}, { signal });
    return result === undefined ? undefined : this.links.decoded(() => decodeGuest.info(result));
  }

  async untilReady({
    signal,
    timeoutMs = defaultReadyMs,
  }: Parameters<GuestClient["untilReady"]>[0] = {}): Promise<GuestInfo> {
    const deadline = performance.now() + timeoutMs;
    for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        const info = await this.info({ signal });
        if (info !== undefined) return info;
        if (performance.now() > deadline) throw this.links.peer.missing();
      } catch (error) {
        // A connection that was lost: it is just beginning, or ends.
        if (!ClauderonError.isInstance(error, "operation.interrupted") || performance.now() > deadline) throw error;
      }
      await waitFor(delay(pauseMs), signal);
    }
  }

  async waitForReports({
    since = 0,
    signal,
  }: Parameters<GuestClient["waitForReports"]>[0] = {}): Promise<GuestReports> {
    try {
      const result = await this.links.wait("report.wait", { since }, signal);
      if (result === undefined) throw this.links.peer.missing();
      return decodeGuest.reports(result);
    } catch (error) {
      throw this.links.translated(error);
    }
  }

  async probeEgress({ targets, timeoutMs, signal }: Parameters<GuestClient["probeEgress"]>[0]): Promise<EgressProbe> {
    const result = await this.links.call("egress.probe", { targets, timeoutMs }, { signal, takesMs: timeoutMs });
    if (result === undefined) throw this.links.peer.missing();
    return this.links.decoded(() => decodeGuest.probe(result, targets));
  }

  async carry({ signal }: CallOptions = {}): Promise<Duplex> {
    const carrying = this.#carry();
    return waitFor(carrying, signal, () => {
      carrying.then((carrier) => carrier.destroy()).catch(() => undefined);
    });
  }

  async #carry(): Promise<Duplex> {
    const link = await this.links.another();
    if (link === undefined) throw this.links.peer.missing();
    try {
      await this.links.answer(link, link.request("channel.carry", {}));
      const carrier = link.release();
      carrier.write(Uint8Array.of(0));
      return carrier;
    } catch (error) {
      link.close();
      throw this.links.translated(error);
    }
  }
}

function doorOf({ key, dial, dialMs = defaultDialMs, answerMs = defaultAnswerMs }: GuestClientOptions): HostDoor {
  return {
    peer: guestPeer,
    key: () => key,
    answerMs,
    async dial({ signal: closing }) {
      const signal = AbortSignal.any([closing, AbortSignal.timeout(dialMs)]);
      const dialling = dial({ signal });
      try {
        return await waitFor(dialling, signal, () => {
          dialling.then((duplex) => duplex?.destroy()).catch(() => undefined);
        });
      } catch (error) {
        if (!signal.aborted || error !== signal.reason) throw error;
        throw new OperationError({
          code: "operation.timeout",
          message: `The guest in the sandbox could not be reached within ${Math.ceil(dialMs / 1000)} s`,
          fix: ["try again; when it stays so, stop the session and start it again"],
          cause: error,
        });
      }
    },
  };
}
