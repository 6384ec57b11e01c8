import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";

import { DaemonError, OperationError } from "@clauderon/core/contract";

import { CarrierLink } from "./carrier-link.ts";
import { encodeJson, type ChannelFrame } from "./channel-frame.ts";
import { isProof, makeProof } from "./channel-proof.ts";
import {
  ChannelFault,
  channelProtocol,
  defaultChannelTimes,
  frameTypes,
  messages,
  readMessage,
  type ChannelTimes,
} from "./channel-protocol.ts";
import { Channel } from "./channel.ts";

const nonceBytes = 32;

export interface CarrierClientSettings {
  /** Serves a stream that the hub opened to a port of this machine's loopback; without it all are refused. */
  readonly serve?: ((stream: Duplex, target: { readonly port: number }) => Promise<void>) | undefined;
  /** The carrier is gone; `attach` with another goes on with the same streams. */
  readonly onLost?: (() => void) | undefined;
  /** The channel is over, its streams broken off. The next `attach` begins another. */
  readonly onEnd?: ((error: Error) => void) | undefined;
  readonly times?: Partial<Omit<ChannelTimes, "resumeMs">> | undefined;
}

/** The sandbox's end of a channel. */
export interface CarrierClient extends AsyncDisposable {
  /** Speaks on a byte stream that leads to the hub: the first begins a channel, each further one takes it over. Rejects when the hub refuses or the stream ends. */
  attach(carrier: Duplex): Promise<void>;
  /** Opens a stream to the proxy; what is written waits while there is no carrier. */
  openStream(): Duplex;
  /** Ends the channel and its streams. */
  close(): Promise<void>;
}

interface Credentials {
  readonly channel: string;
  readonly key: string;
}

/** Makes the sandbox's end; nothing is sent before the first `attach`. */
export function createCarrierClient(settings: CarrierClientSettings = {}): CarrierClient {
  const client = new Client(settings);
  const close = async (): Promise<void> => client.close();
  return {
    attach: async (carrier) => client.attach(carrier),
    openStream: () => client.channel().open({ kind: "proxy" }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

class Client {
  readonly #settings: CarrierClientSettings;
  readonly #times: ChannelTimes;
  #channel: Channel | undefined;
  #credentials: Credentials | undefined;
  #attempt: CarrierLink | undefined;
  #isClosed = false;

  constructor(settings: CarrierClientSettings) {
    this.#settings = settings;
    this.#times = { ...defaultChannelTimes, ...settings.times };
  }

  channel(): Channel {
    if (this.#isClosed) throw closedError();
    this.#channel ??= this.#create();
    return this.#channel;
  }

  async attach(carrier: Duplex): Promise<void> {
    const channel = this.channel();
    // Without a word: the hub may have welcomed it, and would take a failure for the end of the channel.
    this.#attempt?.drop();
    channel.detach();
    const link = new CarrierLink(carrier, this.#times);
    this.#attempt = link;
    try {
      await (this.#credentials === undefined
        ? this.#begin(link, channel)
        : this.#resume(link, channel, this.#credentials));
    } catch (error) {
      link.drop();
      if (!(error instanceof ChannelFault)) throw error;
      const told = new OperationError({
        message: "The carrier did not lead to the channel",
        why: error.message,
        fix: ["attach another carrier"],
        context: { code: error.code },
        cause: error,
      });
      if (error.code === "channel.unknown" && this.#channel === channel) channel.end(told);
      throw told;
    } finally {
      if (this.#attempt === link) this.#attempt = undefined;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#attempt?.drop();
    this.#channel?.end(closedError());
  }

  async #begin(link: CarrierLink, channel: Channel): Promise<void> {
    link.write(encodeJson(frameTypes.hello, 0, { protocols: [channelProtocol], nonce: newNonce() }));
    const welcome = readMessage(messages.welcome, payloadOf(await link.next(), frameTypes.welcome));
    if (welcome.channel === undefined || welcome.key === undefined)
      throw new ChannelFault("protocol.violation", "The welcome names no channel");
    this.#check(link, channel);
    this.#credentials = { channel: welcome.channel, key: welcome.key };
    channel.attach(link, welcome);
  }

  async #resume(link: CarrierLink, channel: Channel, { channel: id, key }: Credentials): Promise<void> {
    const clientNonce = newNonce();
    link.write(encodeJson(frameTypes.hello, 0, { protocols: [channelProtocol], nonce: clientNonce, channel: id }));
    const challenge = readMessage(messages.challenge, payloadOf(await link.next(), frameTypes.challenge));
    const facts = { channel: id, clientNonce, hubNonce: challenge.nonce };
    if (!isProof(challenge.proof, key, { ...facts, side: "hub" }))
      throw new ChannelFault("channel.refused", "The hub does not know the channel's key");
    const proof = makeProof(key, { ...facts, side: "client" });
    link.write(encodeJson(frameTypes.proof, 0, { proof, position: channel.position }));
    const welcome = readMessage(messages.welcome, payloadOf(await link.next(), frameTypes.welcome));
    this.#check(link, channel);
    channel.attach(link, welcome);
  }

  /** The world may have changed while the hub was asked. */
  #check(link: CarrierLink, channel: Channel): void {
    if (link.isGone || channel.isEnded || this.#attempt !== link)
      throw new ChannelFault("carrier.lost", "The channel has ended or another carrier has come");
  }

  #create(): Channel {
    const channel = new Channel({
      side: "client",
      resumeMs: this.#times.resumeMs,
      serve: async (stream, target) => {
        if (target.kind !== "port" || this.#settings.serve === undefined)
          throw new Error("This end serves no such streams");
        await this.#settings.serve(stream, target);
      },
      onLost: () => this.#settings.onLost?.(),
      onEnd: (error) => {
        if (this.#channel === channel) {
          this.#channel = undefined;
          this.#credentials = undefined;
        }
        this.#settings.onEnd?.(error);
      },
    });
    return channel;
  }
}

function payloadOf(frame: ChannelFrame, type: number): Buffer {
  if (frame.type === type) return frame.payload;
  if (frame.type !== frameTypes.failure)
    throw new ChannelFault("protocol.violation", `A frame of type ${frame.type} came where one of type ${type} has to`);
  const { code, message } = readMessage(messages.reason, frame.payload);
  throw new ChannelFault(code, message);
}

function newNonce(): string {
  return randomBytes(nonceBytes).toString("hex");
}

function closedError(): DaemonError {
  return new DaemonError({ message: "This end of the channel was closed", fix: ["make another"] });
}
