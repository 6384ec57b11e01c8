import { Duplex } from "node:stream";

import { encodeFrame, encodeU32, type ChannelFrame } from "./channel-frame.ts";
import { ChannelFault, channelLimits, frameTypes, type Reason } from "./channel-protocol.ts";

/** Granted bytes are told when so many have come together. */
const grantBytes = channelLimits.windowBytes / 2;
/** Small pieces that wait are put together up to this size, as each costs more than its bytes. */
const pieceBytes = 4096;

/** A piece of this size may keep the read that it came in. */
const largeBytes = 16 * 1024;

/** What a stream asks of its channel. */
export interface StreamChannel {
  /** Sends a frame other than data at once. */
  send(frame: Buffer): void;
  /** Puts the stream in the line of those that have data to send. */
  want(stream: ChannelStream): void;
  /** The stream is over on this side. */
  forget(stream: ChannelStream): void;
}

interface Writing {
  readonly bytes: Buffer;
  offset: number;
  readonly done: () => void;
}

/**
 * One stream of a channel. `end()` ends one direction; `destroy()` before both have ended is a reset, which the other end sees as an error. Emits `connect` when the
 * other end has accepted it.
 */
export class ChannelStream extends Duplex {
  readonly id: number;
  /** Bytes granted beyond what every stream has; the channel counts them. */
  extraWindowBytes = 0;
  readonly #channel: StreamChannel;
  #inbox: Buffer[] = [];
  #isAsked = false;
  /** What the other end may still send. */
  #allowance: number = channelLimits.windowBytes;
  #taken = 0;
  /** What this end may still send. */
  #credit: number = channelLimits.windowBytes;
  #writing: Writing | undefined;
  #hasSentEnd = false;
  #hasReceivedEnd = false;
  /** The other end takes nothing more and has to be told nothing more. */
  #isAbandoned = false;
  #isAccepted = false;

  constructor(id: number, channel: StreamChannel) {
    // One piece at a time is asked for, so that what waits is counted here.
    super({ allowHalfOpen: true, readableHighWaterMark: 1, writableHighWaterMark: channelLimits.payloadBytes });
    this.id = id;
    this.#channel = channel;
  }

  /** Lets the other end send more than every stream may. */
  grantExtra(bytes: number): void {
    this.extraWindowBytes = bytes;
    this.#allowance += bytes;
    this.#channel.send(encodeU32(frameTypes.window, this.id, bytes));
  }

  receiveData({ parts, payloadBytes }: ChannelFrame): void {
    if (this.#hasReceivedEnd) throw new ChannelFault("protocol.violation", "Data came after the end of its stream");
    if (payloadBytes === 0) throw new ChannelFault("protocol.violation", "A frame of data is empty");
    if (payloadBytes > this.#allowance)
      throw new ChannelFault("protocol.violation", "More came on a stream than was granted");
    this.#allowance -= payloadBytes;
    for (const bytes of parts) this.#keep(bytes);
    this.#deliver();
  }

  receiveEnd(): void {
    if (this.#hasReceivedEnd) throw new ChannelFault("protocol.violation", "A stream ended twice");
    this.#hasReceivedEnd = true;
    this.#deliver();
  }

  receiveWindow(bytes: number): void {
    this.#credit += bytes;
    if (this.#credit > Number.MAX_SAFE_INTEGER / 2)
      throw new ChannelFault("protocol.violation", "A stream was granted too much");
    if (!this.#isAccepted) {
      this.#isAccepted = true;
      this.emit("connect");
    }
    if (this.#writing !== undefined) this.#channel.want(this);
  }

  /** The other end is gone from this stream. What it had ended cleanly is still read to its end; anything else breaks off. */
  abandon(error: Error): void {
    if (this.destroyed) return;
    this.#isAbandoned = true;
    if (!this.#hasReceivedEnd) {
      this.destroy(error);
      return;
    }
    const done = this.#writing?.done;
    this.#writing = undefined;
    if (this.readableEnded) this.destroy();
    else {
      this.once("end", () => this.destroy());
      done?.();
    }
  }

  /** The next data frame, as large as the other end allows. */
  takeFrame(): Buffer | undefined {
    const writing = this.#writing;
    if (writing === undefined) return undefined;
    const size = Math.min(writing.bytes.length - writing.offset, this.#credit, channelLimits.sentPayloadBytes);
    if (size === 0) return undefined;
    const frame = encodeFrame(frameTypes.data, this.id, writing.bytes.subarray(writing.offset, writing.offset + size));
    writing.offset += size;
    this.#credit -= size;
    return frame;
  }

  /** The frame that was taken is on its way. */
  frameTaken(): void {
    const writing = this.#writing;
    if (writing === undefined) return;
    if (writing.offset === writing.bytes.length) {
      this.#writing = undefined;
      writing.done();
    } else if (this.#credit > 0) this.#channel.want(this);
  }

  /** Refuses a stream that the other end opened. */
  refuse(reason: Reason): void {
    if (this.destroyed) return;
    this.#sendReset(reason);
    this.destroy();
  }

  override _read(): void {
    this.#isAsked = true;
    this.#deliver();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#isAbandoned || bytes.length === 0) {
      done();
      return;
    }
    this.#writing = { bytes, offset: 0, done };
    this.#channel.want(this);
  }

  override _final(done: () => void): void {
    this.#hasSentEnd = true;
    if (!this.#isAbandoned) this.#channel.send(encodeFrame(frameTypes.end, this.id));
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const isOver = this.#hasSentEnd && this.#hasReceivedEnd;
    if (!isOver && !this.#isAbandoned)
      this.#sendReset({ code: "stream.cancelled", message: "The stream was broken off" });
    this.#inbox = [];
    this.#writing = undefined;
    this.#channel.forget(this);
    done(error);
  }

  #sendReset({ code, message }: Reason): void {
    this.#isAbandoned = true;
    this.#channel.send(encodeFrame(frameTypes.reset, this.id, JSON.stringify({ code, message })));
  }

  #keep(bytes: Buffer): void {
    const last = this.#inbox.at(-1);
    if (last !== undefined && last.length + bytes.length <= pieceBytes)
      this.#inbox[this.#inbox.length - 1] = Buffer.concat([last, bytes]);
    // What has to wait must not keep the whole read of the carrier that it is a part of.
    else this.#inbox.push(this.#isAsked || bytes.length >= largeBytes ? bytes : Buffer.from(bytes));
  }

  #deliver(): void {
    if (!this.#isAsked || this.destroyed) return;
    const bytes = this.#inbox.shift();
    if (bytes === undefined) {
      if (!this.#hasReceivedEnd) return;
      this.#isAsked = false;
      this.push(null);
      return;
    }
    this.#isAsked = false;
    this.#grant(bytes.length);
    this.push(bytes);
  }

  #grant(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken < grantBytes || this.#hasReceivedEnd || this.#isAbandoned) return;
    this.#allowance += this.#taken;
    this.#channel.send(encodeU32(frameTypes.window, this.id, this.#taken));
    this.#taken = 0;
  }
}
