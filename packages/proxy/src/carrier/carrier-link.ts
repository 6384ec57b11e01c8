import { finished, type Duplex } from "node:stream";

import { encodeFrame, encodeJson, FrameReader, type ChannelFrame } from "./channel-frame.ts";
import { ChannelFault, channelLimits, frameTypes, type ChannelTimes, type Reason } from "./channel-protocol.ts";

const farewellMs = 5000;
const quietTicksAtMost = 3;
const frameOverheadBytes = 5;

export interface LinkListener {
  readonly frame: (frame: ChannelFrame) => void;
  readonly drain: () => void;
  /** Once, when the carrier is gone or of no use any more; never after `drop`. */
  readonly closed: () => void;
}

/** One carrier: frames in and out, and the watch whether it lives. */
export class CarrierLink {
  readonly #duplex: Duplex;
  readonly #reader = new FrameReader(channelLimits.handshakeFrameBytes);
  readonly #watch: NodeJS.Timeout;
  readonly #deadline: NodeJS.Timeout;
  #listener: Partial<LinkListener> = {};
  /** Ends the wait for a frame of the handshake. */
  #stopWaiting: (() => void) | undefined;
  #quietTicks = 0;
  #isGone = false;
  #isReading = false;

  constructor(duplex: Duplex, times: ChannelTimes) {
    this.#duplex = duplex;
    this.#watch = setInterval(() => this.#tick(), times.pingMs);
    this.#deadline = setTimeout(() => this.#lose(), times.handshakeMs);
    this.#watch.unref();
    // Its close tells everything; without a listener it would end the process.
    duplex.on("error", () => this.#lose());
    duplex.on("data", this.#onData);
    duplex.once("end", this.#lose);
    duplex.once("close", this.#lose);
    duplex.on("drain", this.#onDrain);
    if (duplex.destroyed) queueMicrotask(this.#lose);
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Whether the carrier takes more without piling it up. */
  get isReady(): boolean {
    return !this.#isGone && !this.#duplex.writableNeedDrain;
  }

  /** The next frame of the handshake; those after it wait. */
  async next(): Promise<ChannelFrame> {
    return new Promise((fulfil, fail) => {
      const lost = (): void => fail(new ChannelFault("carrier.lost", "The carrier was lost before the welcome"));
      if (this.#isGone) {
        lost();
        return;
      }
      this.#stopWaiting = lost;
      this.#listener = {
        frame: (frame) => {
          this.#listener = {};
          this.#stopWaiting = undefined;
          fulfil(frame);
        },
      };
      this.#read();
    });
  }

  /** The handshake is over; from here on every frame goes to the listener. */
  listen(listener: LinkListener): void {
    clearTimeout(this.#deadline);
    this.#reader.limitBytes = channelLimits.payloadBytes + frameOverheadBytes;
    this.#listener = listener;
    if (this.#isGone) queueMicrotask(listener.closed);
    else this.#read();
  }

  write(frame: Buffer): void {
    if (this.#isGone) return;
    this.#duplex.write(frame);
    if (this.#duplex.writableLength > channelLimits.waitingBytes) this.#lose();
  }

  /** Says why, and hangs up. */
  fail(reason: Reason): void {
    if (this.#isGone) return;
    this.#leave();
    const duplex = this.#duplex;
    // What still comes is read until the other end hangs up, too: closed before that, TCP would answer it with a reset, which takes the last word along.
    finished(duplex, () => duplex.destroy());
    duplex.resume();
    duplex.end(encodeJson(frameTypes.failure, 0, reason));
    setTimeout(() => duplex.destroy(), farewellMs).unref();
  }

  /** Hangs up; nobody is told. */
  drop(): void {
    if (this.#isGone) return;
    this.#leave();
    this.#duplex.destroy();
  }

  readonly #onData = (bytes: Buffer): void => {
    this.#quietTicks = 0;
    this.#reader.push(bytes);
    this.#read();
  };

  readonly #onDrain = (): void => {
    this.#listener.drain?.();
  };

  readonly #lose = (): void => {
    if (this.#isGone) return;
    const { closed } = this.#listener;
    this.drop();
    closed?.();
  };

  #read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (this.#listener.frame !== undefined && !this.#isGone) {
        const frame = this.#reader.next();
        if (frame === undefined) break;
        this.#listener.frame(frame);
      }
    } catch (error) {
      if (!(error instanceof ChannelFault)) throw error;
      this.#lose();
    } finally {
      this.#isReading = false;
    }
  }

  #tick(): void {
    this.#quietTicks += 1;
    if (this.#quietTicks > quietTicksAtMost) this.#lose();
    else if (this.#listener.drain !== undefined) this.write(encodeFrame(frameTypes.ping, 0));
  }

  #leave(): void {
    this.#isGone = true;
    this.#listener = {};
    this.#stopWaiting?.();
    clearInterval(this.#watch);
    clearTimeout(this.#deadline);
    this.#duplex.off("data", this.#onData).off("end", this.#lose).off("close", this.#lose).off("drain", this.#onDrain);
  }
}
