import type { Socket } from "node:net";

import { encodeFrame, encodeJsonFrame, encodeOutput, FrameReader, type HostFrame } from "./host-frame.ts";
import { frameTypes, HostError, hostLimits, sources, type SourceName } from "./host-protocol.ts";

/** What a stream of a connection reacts to. */
export interface HostStream {
  input(bytes: Buffer): void;
  inputEnd(): void;
  credit(source: number, bytes: number): void;
  pause(isPaused: boolean): void;
  /** The connection can take more. */
  flush(): void;
  /** The client has let go of it, or is gone. */
  cancel(): void;
}

export interface ConnectionEvents {
  frame(frame: HostFrame): void;
  closed(): void;
}

/** One client's socket: frames in, frames out, and no more memory than the limits allow. */
export class HostConnection {
  readonly streams: Map<number, HostStream> = new Map<number, HostStream>();
  readonly #socket: Socket;
  readonly #reader = new FrameReader(hostLimits.handshakeFrameBytes);
  readonly #events: ConnectionEvents;
  #isClosed = false;

  constructor(socket: Socket, events: ConnectionEvents) {
    this.#socket = socket;
    this.#events = events;
    socket.on("data", (bytes) => this.#receive(bytes));
    socket.on("drain", () => this.#drained());
    // `close` follows every error.
    socket.on("error", () => undefined);
    socket.on("close", () => this.#close());
  }

  /** True while the client does not take what was sent to it. */
  get isCongested(): boolean {
    return this.#socket.writableLength > hostLimits.socketBacklogBytes;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Frames of full size are accepted from here on. */
  acceptLargeFrames(): void {
    this.#reader.limitBytes = hostLimits.frameBytes;
  }

  send(type: number, id: number, payload: unknown): void {
    this.#write(encodeJsonFrame(type, id, payload));
  }

  sendCredit(id: number, bytes: number): void {
    const payload = Buffer.alloc(5);
    payload.writeUInt32BE(bytes, 1);
    this.#write(encodeFrame(frameTypes.credit, id, payload));
  }

  sendOutput(
    id: number,
    chunk: {
      readonly source: SourceName;
      readonly flags: number;
      readonly sequence: number;
      /** Joined to one message. */
      readonly parts: readonly Uint8Array[];
    },
  ): void {
    const { source, flags, sequence, parts } = chunk;
    this.#write(encodeOutput(id, { type: frameTypes.output, source: sources[source], flags, sequence }, parts));
  }

  /** Tells the client what it did wrong and hangs up. */
  refuse(error: unknown): void {
    const failure =
      error instanceof HostError ? error.failure : new HostError("internal", "The session host failed").failure;
    if (!this.#isClosed) this.#socket.end(encodeJsonFrame(frameTypes.failure, 0, failure));
    this.#socket.destroySoon();
    this.#close();
  }

  #write(frame: Buffer): void {
    if (this.#isClosed) return;
    this.#socket.write(frame);
    // A client that asks and does not read its answers is not read either.
    if (this.isCongested) this.#socket.pause();
  }

  #receive(bytes: Buffer): void {
    if (this.#isClosed) return;
    this.#reader.push(bytes);
    this.#parse();
  }

  #parse(): void {
    try {
      for (let frame = this.#reader.next(); frame !== undefined; frame = this.#reader.next()) {
        this.#events.frame(frame);
        if (this.#isClosed) return;
      }
    } catch (error) {
      this.refuse(error);
    }
  }

  #drained(): void {
    this.#socket.resume();
    for (const stream of this.streams.values()) stream.flush();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const stream of this.streams.values()) stream.cancel();
    this.streams.clear();
    this.#events.closed();
  }
}
