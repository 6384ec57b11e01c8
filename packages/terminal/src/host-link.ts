import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";

import { decode } from "./decode-host-message.ts";
import { encodeFrame, encodeJsonFrame, FrameReader, payloadObject, type HostFrame } from "./host-frame.ts";
import { handshakeProof, isEqualProof, isNonce } from "./host-handshake.ts";
import { sessionHostPeer, type HostPeer } from "./host-peer.ts";
import { frameTypes, HostError, hostLimits, hostProtocolVersion } from "./host-protocol.ts";

/** The connection ended before the answer came. */
export class HostLinkClosedError extends Error {
  constructor(name: string) {
    super(`${name} hung up`);
    this.name = "HostLinkClosedError";
  }
}

/** What the owner of a stream reacts to. */
export interface LinkStream {
  frame(frame: HostFrame): void;
  closed(): void;
}

interface Pending {
  resolve(result: Readonly<Record<string, unknown>>): void;
  reject(error: Error): void;
}

/** One authenticated connection to a host. */
export class HostLink {
  readonly peer: HostPeer;
  readonly #duplex: Duplex;
  readonly #reader = new FrameReader(hostLimits.frameBytes + 64);
  readonly #pending = new Map<number, Pending>();
  readonly #streams = new Map<number, LinkStream>();
  #nextId = 1;
  #isClosed = false;
  #handshakeFrame: ((frame: HostFrame) => void) | undefined;
  #handshakeFailed: ((error: Error) => void) | undefined;

  /** Proves both ends to each other over a fresh connection. */
  static async open(duplex: Duplex, key: Uint8Array, peer: HostPeer = sessionHostPeer): Promise<HostLink> {
    const link = new HostLink(duplex, peer);
    try {
      await link.#greet(key);
      return link;
    } catch (error) {
      link.close();
      throw error;
    }
  }

  private constructor(duplex: Duplex, peer: HostPeer) {
    this.#duplex = duplex;
    this.peer = peer;
    duplex.on("data", this.#receive);
    // `close` follows. Stays, so that a connection that was given away may break before its new owner listens.
    duplex.on("error", () => undefined);
    duplex.on("close", this.#over);
    duplex.on("end", this.#over);
    if (duplex.destroyed) this.close();
  }

  get isClosed(): boolean {
    // A connection that was destroyed tells of it a moment later.
    return this.#isClosed || this.#duplex.destroyed;
  }

  newId(): number {
    this.#nextId = this.#nextId >= 0xffff_ffff ? 1 : this.#nextId + 1;
    return this.#nextId;
  }

  /** Sends a request; a stream given with it gets the frames of its id until `forget`. */
  request(
    method: string,
    parameters: Readonly<Record<string, unknown>>,
    stream?: { readonly id: number; readonly handler: LinkStream },
  ): Promise<Readonly<Record<string, unknown>>> {
    const id = stream?.id ?? this.newId();
    const frame = encodeJsonFrame(frameTypes.request, id, { method, parameters });
    if (frame.length > hostLimits.frameBytes) {
      return Promise.reject(
        new HostError("request.too-large", "The environment or arguments are larger than 4 MiB", "pass less"),
      );
    }
    return new Promise((resolve, reject) => {
      if (this.#isClosed) {
        reject(new HostLinkClosedError(this.peer.name));
        return;
      }
      this.#pending.set(id, { resolve, reject });
      if (stream !== undefined) this.#streams.set(id, stream.handler);
      this.#duplex.write(frame);
    });
  }

  send(type: number, id: number, payload: Uint8Array | string = ""): void {
    if (!this.#isClosed) this.#duplex.write(encodeFrame(type, id, payload));
  }

  sendCredit(id: number, source: number, bytes: number): void {
    const payload = Buffer.alloc(5);
    payload.writeUInt8(source, 0);
    payload.writeUInt32BE(bytes, 1);
    this.send(frameTypes.credit, id, payload);
  }

  /** Frames of the stream are dropped from here on. */
  forget(id: number): void {
    this.#streams.delete(id);
  }

  /** Takes back a request that waits, or lets go of a stream. */
  cancel(id: number): void {
    this.#streams.delete(id);
    this.#pending.delete(id);
    this.send(frameTypes.cancel, id);
  }

  /** Gives the connection away: nothing is read of it or said on it any more, and it is paused. Throws when something is under way on it, or came out of turn. */
  release(): Duplex {
    if (this.#isClosed) throw new HostLinkClosedError(this.peer.name);
    if (this.#pending.size > 0 || this.#streams.size > 0 || this.#reader.heldBytes > 0)
      throw new HostError("request.refused", `${this.peer.name} spoke out of turn`, this.peer.fix);
    this.#isClosed = true;
    this.#duplex.pause();
    this.#duplex.off("data", this.#receive).off("close", this.#over).off("end", this.#over);
    return this.#duplex;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#duplex.destroy();
    const error = new HostLinkClosedError(this.peer.name);
    this.#handshakeFailed?.(error);
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
    for (const stream of this.#streams.values()) stream.closed();
    this.#streams.clear();
  }

  async #greet(key: Uint8Array): Promise<void> {
    const client = randomBytes(32).toString("hex");
    const timer = setTimeout(() => this.close(), hostLimits.handshakeMs);
    try {
      this.#duplex.write(encodeJsonFrame(frameTypes.hello, 0, { protocols: [hostProtocolVersion], nonce: client }));
      const challenge = payloadObject((await this.#expect(frameTypes.challenge)).payload);
      const host = challenge["nonce"];
      if (!isNonce(host)) throw this.peer.wrongKey();
      const nonces = { client, host };
      if (!isEqualProof(challenge["proof"], handshakeProof(key, "host", nonces))) {
        throw this.peer.wrongKey();
      }
      this.#duplex.write(encodeJsonFrame(frameTypes.proof, 0, { proof: handshakeProof(key, "client", nonces) }));
      await this.#expect(frameTypes.welcome);
    } finally {
      clearTimeout(timer);
      this.#handshakeFailed = undefined;
    }
  }

  #expect(type: number): Promise<HostFrame> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) {
        reject(new HostLinkClosedError(this.peer.name));
        return;
      }
      this.#handshakeFailed = reject;
      this.#handshakeFrame = (frame) => {
        this.#handshakeFrame = undefined;
        if (frame.type === type) resolve(frame);
        else
          reject(
            frame.type === frameTypes.failure
              ? this.#failureFrom(frame)
              : new HostError("request.refused", `${this.peer.name} answered out of turn`, this.peer.fix),
          );
      };
      this.#parse();
    });
  }

  readonly #over = (): void => this.close();

  readonly #receive = (bytes: Buffer): void => {
    if (this.#isClosed) return;
    this.#reader.push(bytes);
    this.#parse();
  };

  #failureFrom(frame: HostFrame): HostError {
    return this.peer.failure(decode.failure(payloadObject(frame.payload)));
  }

  #parse(): void {
    try {
      for (;;) {
        if (this.#handshakeFrame === undefined && this.#handshakeFailed !== undefined) return;
        const frame = this.#reader.next();
        if (frame === undefined) return;
        if (this.#handshakeFrame === undefined) this.#dispatch(frame);
        else this.#handshakeFrame(frame);
      }
    } catch {
      // A peer that breaks the protocol is as good as gone; whoever waits is told so.
      this.close();
    }
  }

  #dispatch(frame: HostFrame): void {
    const { type, id } = frame;
    const pending = this.#pending.get(id);
    // What cannot be read throws before anything is forgotten, so that whoever waits is told of the end.
    if (type === frameTypes.response && pending !== undefined) {
      const result = payloadObject(frame.payload);
      this.#pending.delete(id);
      pending.resolve(result);
    } else if (type === frameTypes.failure) {
      if (id === 0) return this.close();
      const failure = this.#failureFrom(frame);
      const stream = this.#streams.get(id);
      this.#pending.delete(id);
      this.#streams.delete(id);
      pending?.reject(failure);
      stream?.closed();
    } else {
      this.#streams.get(id)?.frame(frame);
    }
  }
}

/** Connects to a Unix socket; rejects with the system's error. */
export function dialSocket(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    // Stays: an error after the promise has settled is followed by `close`, which tells the owner.
    socket.on("error", reject);
    socket.once("connect", () => {
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}
