import { OperationError, RequestError } from "@clauderon/core/contract";

import type { CarrierLink } from "./carrier-link.ts";
import { decodeU32, decodeU64, encodeJson, encodeU64, frameHeadBytes, type ChannelFrame } from "./channel-frame.ts";
import {
  ChannelFault,
  channelLimits,
  firstCountedType,
  frameTypes,
  messages,
  readMessage,
  type Reason,
  type StreamTarget,
} from "./channel-protocol.ts";
import { ChannelStream, type StreamChannel } from "./channel-stream.ts";
import { SendLog } from "./send-log.ts";

const lastId = 0xffff_ffff;

/** Serves a stream that the other end opened; a rejection refuses it. */
export type ServeStream = (stream: ChannelStream, target: StreamTarget) => Promise<void>;

export interface ChannelOptions {
  readonly side: "hub" | "client";
  readonly resumeMs: number;
  readonly serve: ServeStream;
  /** The carrier is gone; the channel waits for another. */
  readonly onLost?: () => void;
  /** Nothing comes back. */
  readonly onEnd: (error: Error) => void;
}

/** One end of a channel: its streams, what was sent and not yet acknowledged, and how far it has received. */
export class Channel implements StreamChannel {
  readonly #options: ChannelOptions;
  readonly #log = new SendLog();
  readonly #streams = new Map<number, ChannelStream>();
  /** Those with data to send, in the order of their turns. */
  readonly #waiting = new Set<ChannelStream>();
  #resumeMs: number;
  #link: CarrierLink | undefined;
  #received = 0;
  #acknowledged = 0;
  #nextId: number;
  #lastPeerId = 0;
  #peerStreams = 0;
  #extraBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #isEnded = false;
  #isPumping = false;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#resumeMs = options.resumeMs;
    this.#nextId = options.side === "client" ? 1 : 2;
  }

  /** Counted bytes that this end has received. */
  get position(): number {
    return this.#received;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get isCarried(): boolean {
    return this.#link !== undefined;
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** Lets go of the carrier, so that the position stays what it is. */
  detach(): void {
    const link = this.#link;
    if (link === undefined) return;
    this.#link = undefined;
    link.drop();
    this.#startTimer();
  }

  /** Goes on over a carrier whose handshake is done; the other end has everything up to the position. */
  attach(link: CarrierLink, about: { readonly position: number; readonly resumeMs?: number | undefined }): void {
    this.detach();
    try {
      this.#log.acknowledge(about.position);
    } catch (error) {
      link.fail({ code: "protocol.violation", message: (error as Error).message });
      this.end(lostError((error as Error).message));
      return;
    }
    clearTimeout(this.#timer);
    this.#resumeMs = about.resumeMs ?? this.#resumeMs;
    this.#link = link;
    this.#acknowledged = this.#received;
    for (const frame of this.#log.unacknowledged()) link.write(frame);
    link.listen({
      frame: (frame) => this.#receive(frame),
      drain: () => this.#pump(),
      closed: () => {
        if (this.#link !== link) return;
        this.#link = undefined;
        this.#startTimer();
        this.#options.onLost?.();
      },
    });
    this.#pump();
  }

  open(target: StreamTarget): ChannelStream {
    if (this.#isEnded) throw lostError("it has ended");
    if (this.#streams.size - this.#peerStreams >= channelLimits.streams)
      throw new RequestError({
        message: `The channel has ${channelLimits.streams} streams open`,
        fix: ["close some of them"],
      });
    if (this.#nextId > lastId) throw lostError("it has opened as many streams as a channel can");
    const stream = new ChannelStream(this.#nextId, this);
    this.#nextId += 2;
    this.#streams.set(stream.id, stream);
    this.send(encodeJson(frameTypes.open, stream.id, target));
    this.#grantExtra(stream);
    return stream;
  }

  /** Ends everything: streams end with the error, and the other end is told, where it can be. */
  end(error: Error, reason: Reason = { code: "channel.closed", message: "The channel was closed" }): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#timer);
    const link = this.#link;
    this.#link = undefined;
    link?.fail(reason);
    this.#log.clear();
    this.#waiting.clear();
    for (const stream of this.#streams.values()) stream.abandon(error);
    this.#options.onEnd(error);
  }

  send(frame: Buffer): void {
    if (this.#isEnded) return;
    this.#log.append(frame);
    this.#link?.write(frame);
    const { unacknowledgedBytes, unacknowledgedControlBytes } = channelLimits;
    if (this.#log.unacknowledgedBytes > unacknowledgedBytes + unacknowledgedControlBytes + channelLimits.payloadBytes)
      this.#violated(new ChannelFault("protocol.violation", "The other end acknowledges nothing"));
  }

  want(stream: ChannelStream): void {
    this.#waiting.add(stream);
    this.#pump();
  }

  forget(stream: ChannelStream): void {
    this.#waiting.delete(stream);
    if (!this.#streams.delete(stream.id)) return;
    this.#extraBytes -= stream.extraWindowBytes;
    if (this.#isOfPeer(stream.id)) this.#peerStreams -= 1;
  }

  #startTimer(): void {
    clearTimeout(this.#timer);
    const seconds = this.#resumeMs / 1000;
    this.#timer = setTimeout(
      () => this.end(lostError(`its carrier was lost and none came back within ${seconds} s`)),
      this.#resumeMs,
    );
  }

  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      for (const stream of this.#waiting) {
        if (this.#link?.isReady !== true) return;
        if (this.#log.unacknowledgedBytes >= channelLimits.unacknowledgedBytes) return;
        // A stream that has more goes to the end of the line, which this loop reaches, too.
        this.#waiting.delete(stream);
        const frame = stream.takeFrame();
        if (frame === undefined) continue;
        this.send(frame);
        stream.frameTaken();
      }
    } finally {
      this.#isPumping = false;
    }
  }

  #receive(frame: ChannelFrame): void {
    try {
      if (frame.type >= firstCountedType) this.#receiveCounted(frame);
      else this.#receiveUncounted(frame);
    } catch (error) {
      if (!(error instanceof ChannelFault)) throw error;
      this.#violated(error);
    }
  }

  #receiveUncounted({ type, payload }: ChannelFrame): void {
    switch (type) {
      case frameTypes.ack: {
        this.#log.acknowledge(decodeU64(payload));
        this.#pump();
        return;
      }
      case frameTypes.ping: {
        this.#acknowledge();
        return;
      }
      case frameTypes.failure: {
        const { message } = readMessage(messages.reason, payload);
        this.end(lostError(`the other end ended it: ${message}`));
        return;
      }
      default: {
        throw new ChannelFault("protocol.violation", `A frame of type ${type} has no place here`);
      }
    }
  }

  #receiveCounted(frame: ChannelFrame): void {
    this.#received += frameHeadBytes + frame.payloadBytes;
    if (frame.type === frameTypes.open) this.#receiveOpen(frame);
    else this.#receiveOfStream(frame);
    if (this.#received - this.#acknowledged >= channelLimits.ackBytes) this.#acknowledge();
  }

  #receiveOfStream(frame: ChannelFrame): void {
    const { type, stream: id } = frame;
    const isKnown = this.#isOfPeer(id) ? id <= this.#lastPeerId : id > 0 && id < this.#nextId;
    if (!isKnown) throw new ChannelFault("protocol.violation", `No stream ${id} was opened`);
    if (type > frameTypes.reset) throw new ChannelFault("protocol.violation", `There are no frames of type ${type}`);
    // A stream that is over on this side may still be meant by what is on its way.
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    if (type === frameTypes.data) stream.receiveData(frame);
    else if (type === frameTypes.end) stream.receiveEnd();
    else if (type === frameTypes.window) stream.receiveWindow(decodeU32(frame.payload));
    else {
      const { code, message } = readMessage(messages.reason, frame.payload);
      stream.abandon(
        new OperationError({
          message: "The other end broke the stream off",
          why: message,
          fix: ["try again"],
          context: { code },
        }),
      );
    }
  }

  #receiveOpen({ stream: id, payload }: ChannelFrame): void {
    if (!this.#isOfPeer(id) || id <= this.#lastPeerId)
      throw new ChannelFault("protocol.violation", `Stream ${id} cannot be opened by this end`);
    if (payload.length > channelLimits.targetBytes)
      throw new ChannelFault("protocol.violation", "The target of a stream is too long");
    const target = readMessage(messages.target, payload);
    this.#lastPeerId = id;
    if (this.#peerStreams >= channelLimits.streams) {
      const reason = { code: "stream.limit", message: `${channelLimits.streams} streams are open` };
      this.send(encodeJson(frameTypes.reset, id, reason));
      return;
    }
    const stream = new ChannelStream(id, this);
    // It may break off before whoever serves it listens.
    stream.on("error", () => undefined);
    this.#streams.set(id, stream);
    this.#peerStreams += 1;
    void this.#serve(stream, target);
  }

  async #serve(stream: ChannelStream, target: StreamTarget): Promise<void> {
    try {
      await this.#options.serve(stream, target);
      if (!stream.destroyed) this.#grantExtra(stream);
    } catch (error) {
      stream.refuse({ code: "stream.refused", message: (error as Error).message.slice(0, 500) });
    }
  }

  #grantExtra(stream: ChannelStream): void {
    const bytes = Math.min(channelLimits.extraWindowBytes, channelLimits.extraWindowsBytes - this.#extraBytes);
    this.#extraBytes += bytes;
    stream.grantExtra(bytes);
  }

  #acknowledge(): void {
    this.#acknowledged = this.#received;
    this.#link?.write(encodeU64(frameTypes.ack, 0, this.#received));
  }

  #violated(fault: ChannelFault): void {
    this.end(lostError(fault.message), { code: fault.code, message: fault.message });
  }

  #isOfPeer(id: number): boolean {
    return id % 2 === (this.#options.side === "hub" ? 1 : 0) && id > 0;
  }
}

function lostError(why: string): OperationError {
  return new OperationError({ message: "The channel of the sandbox has ended", why, fix: ["try again"] });
}
