import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";

import { DaemonError, RequestError, silentLogger, type Logger } from "@clauderon/core/contract";

import { CarrierLink } from "./carrier-link.ts";
import { encodeJson } from "./channel-frame.ts";
import { isProof, makeProof } from "./channel-proof.ts";
import {
  ChannelFault,
  channelProtocol,
  defaultChannelTimes,
  frameTypes,
  messages,
  readMessage,
  type ChannelTimes,
  type Hello,
} from "./channel-protocol.ts";
import { Channel } from "./channel.ts";

const nonceBytes = 32;
const channelBytes = 16;
const channelsPerSession = 16;

/** What `createCarrierHub` needs. */
export interface CarrierHubSettings {
  /** Serves one stream of a session, usually `proxy.accept`; a rejection refuses the stream. */
  readonly accept: (stream: Duplex, sessionId: string) => Promise<void>;
  /** Times other than the protocol's: resumption 60 s, handshake 10 s, ping 15 s. */
  readonly times?: Partial<ChannelTimes> | undefined;
  /** How long a channel that begins now may be without a carrier; asked each time, in place of `times.resumeMs`. */
  readonly resumeMs?: (() => number) | undefined;
  readonly logger?: Logger | undefined;
}

export interface AcceptedCarrier {
  /** The channel's public name. */
  readonly channel: string;
  /** Whether it goes on with a channel that had lost its carrier. */
  readonly isResumed: boolean;
}

/** The daemon's end of channels: takes carriers, whoever dialled them, and serves the streams on them. */
export interface CarrierHub extends AsyncDisposable {
  /**
   * Speaks on a byte stream to the sandbox of a session; the identity is the caller's word. Resolves when the handshake is done; rejects, with the carrier closed,
   * when it fails, which leaves every channel as it was.
   */
  acceptCarrier(carrier: Duplex, sessionId: string): Promise<AcceptedCarrier>;
  /** Opens a stream inwards, to a port of the sandbox's loopback. It emits `connect` when the sandbox has accepted it, or an error. */
  openStream(sessionId: string, target: { readonly port: number }): Duplex;
  /** Ends the channels of a session: their streams end with an error and none can be resumed. */
  closeSession(sessionId: string): void;
  /** Ends all channels. */
  close(): Promise<void>;
}

interface HubChannel {
  readonly id: string;
  readonly sessionId: string;
  readonly key: string;
  readonly channel: Channel;
}

/** Makes a hub; nothing happens before the first carrier. */
export function createCarrierHub(settings: CarrierHubSettings): CarrierHub {
  const hub = new Hub(settings);
  const close = async (): Promise<void> => hub.close();
  return {
    acceptCarrier: async (carrier, sessionId) => hub.acceptCarrier(carrier, sessionId),
    openStream: (sessionId, { port }) => hub.newest(sessionId).channel.open({ kind: "port", port }),
    closeSession: (sessionId) => hub.closeWhere((channel) => channel.sessionId === sessionId),
    close,
    [Symbol.asyncDispose]: close,
  };
}

class Hub {
  readonly #settings: CarrierHubSettings;
  readonly #times: ChannelTimes;
  readonly #logger: Logger;
  readonly #channels = new Map<string, HubChannel>();
  /** Carriers whose handshake is not done, by session. */
  readonly #greeting = new Map<CarrierLink, string>();
  #isClosed = false;

  constructor(settings: CarrierHubSettings) {
    this.#settings = settings;
    this.#times = { ...defaultChannelTimes, ...settings.times };
    this.#logger = settings.logger ?? silentLogger;
  }

  async acceptCarrier(carrier: Duplex, sessionId: string): Promise<AcceptedCarrier> {
    if (this.#isClosed) {
      carrier.destroy();
      throw new DaemonError({ message: "The hub of carriers is closed", fix: ["make another with createCarrierHub"] });
    }
    const link = new CarrierLink(carrier, this.#times);
    this.#greeting.set(link, sessionId);
    try {
      const hello = readMessage(messages.hello, await nextOf(link, frameTypes.hello));
      if (!hello.protocols.includes(channelProtocol))
        throw new ChannelFault("protocol.version", `This end speaks version ${channelProtocol} alone`);
      if (hello.channel === undefined) return this.#begin(link, sessionId);
      return await this.#resume(link, { sessionId, hello, channel: hello.channel });
    } catch (error) {
      if (!(error instanceof ChannelFault)) throw error;
      this.#logger.warn({ sessionId, code: error.code }, "a carrier was refused");
      link.fail({ code: error.code, message: error.message });
      throw new RequestError({
        message: "A carrier of the session was refused",
        why: error.message,
        fix: ["see that the program in the sandbox speaks the channel protocol"],
        context: { code: error.code },
        cause: error,
      });
    } finally {
      this.#greeting.delete(link);
    }
  }

  newest(sessionId: string): HubChannel {
    const own = [...this.#channels.values()].filter((channel) => channel.sessionId === sessionId);
    const found = own.findLast(({ channel }) => channel.isCarried) ?? own.at(-1);
    if (found !== undefined) return found;
    throw new RequestError({
      message: `The sandbox of ${sessionId} has no channel`,
      fix: ["wait until the sandbox runs"],
    });
  }

  closeWhere(condition: (about: { readonly sessionId: string }) => boolean): void {
    for (const [link, sessionId] of this.#greeting)
      if (condition({ sessionId })) link.fail({ code: "channel.closed", message: "The session has ended" });
    for (const one of this.#channels.values()) if (condition(one)) one.channel.end(closedError());
  }

  close(): void {
    this.#isClosed = true;
    this.closeWhere(() => true);
  }

  #begin(link: CarrierLink, sessionId: string): AcceptedCarrier {
    this.#makeRoom(sessionId);
    const id = randomBytes(channelBytes).toString("hex");
    const key = randomBytes(nonceBytes).toString("hex");
    const resumeMs = this.#settings.resumeMs?.() ?? this.#times.resumeMs;
    const channel = new Channel({
      side: "hub",
      resumeMs,
      serve: async (stream, target) => {
        if (target.kind !== "proxy") throw new Error("Streams to this end lead to the proxy alone");
        await this.#settings.accept(stream, sessionId);
      },
      onEnd: (error) => {
        this.#channels.delete(id);
        this.#logger.debug({ sessionId, channel: id, why: error.message }, "a channel has ended");
      },
    });
    this.#channels.set(id, { id, sessionId, key, channel });
    link.write(
      encodeJson(frameTypes.welcome, 0, { protocol: channelProtocol, position: 0, channel: id, key, resumeMs }),
    );
    channel.attach(link, { position: 0 });
    return { channel: id, isResumed: false };
  }

  async #resume(
    link: CarrierLink,
    { sessionId, hello, channel: id }: { sessionId: string; hello: Hello; channel: string },
  ): Promise<AcceptedCarrier> {
    const known = this.#ofSession(id, sessionId);
    const nonces = { channel: id, clientNonce: hello.nonce, hubNonce: randomBytes(nonceBytes).toString("hex") };
    const proof = makeProof(known.key, { ...nonces, side: "hub" });
    link.write(encodeJson(frameTypes.challenge, 0, { nonce: nonces.hubNonce, proof }));
    const answer = readMessage(messages.proof, await nextOf(link, frameTypes.proof));
    if (!isProof(answer.proof, known.key, { ...nonces, side: "client" }))
      throw new ChannelFault("channel.refused", "The proof is not that of the channel's key");
    const { channel } = this.#ofSession(id, sessionId);
    // What the old carrier still holds must not move the position that is told here.
    channel.detach();
    link.write(encodeJson(frameTypes.welcome, 0, { protocol: channelProtocol, position: channel.position }));
    channel.attach(link, { position: answer.position });
    return { channel: id, isResumed: true };
  }

  /** That of another session is as unknown as one that never was. */
  #ofSession(id: string, sessionId: string): HubChannel {
    const known = this.#channels.get(id);
    if (known !== undefined && known.sessionId === sessionId && !known.channel.isEnded) return known;
    throw new ChannelFault("channel.unknown", "There is no such channel, or it has ended");
  }

  /** A welcome that was lost on its way leaves a channel that nobody resumes: the oldest of those goes first. */
  #makeRoom(sessionId: string): void {
    const own = [...this.#channels.values()].filter((channel) => channel.sessionId === sessionId);
    if (own.length < channelsPerSession) return;
    const unused = own.find(({ channel }) => !channel.isCarried && channel.position === 0);
    if (unused === undefined) throw new ChannelFault("channel.limit", `The session has ${channelsPerSession} channels`);
    unused.channel.end(closedError());
  }
}

async function nextOf(link: CarrierLink, type: number): Promise<Buffer> {
  const frame = await link.next();
  if (frame.type === type) return frame.payload;
  throw new ChannelFault("protocol.violation", `A frame of type ${frame.type} came where one of type ${type} has to`);
}

function closedError(): DaemonError {
  return new DaemonError({ message: "The channel of the sandbox was closed", fix: ["start the session again"] });
}
