import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";

import { encodeFrame, encodeJsonFrame, FrameReader, type HostFrame } from "../host-frame.ts";
import { handshakeProof } from "../host-handshake.ts";
import { frameTypes } from "../host-protocol.ts";

const deadlineMs = 30_000;

/** A client that can also do everything wrong: frames in, frames out. */
export class ProtocolPeer {
  readonly frames: HostFrame[] = [];
  readonly #duplex: Duplex;
  readonly #reader = new FrameReader(8 * 1024 * 1024);
  #isClosed = false;
  #wake: () => void = () => undefined;
  #nextId = 100;

  constructor(duplex: Duplex) {
    this.#duplex = duplex;
    duplex.on("data", this.#receive);
    duplex.on("error", () => undefined);
    duplex.on("close", () => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  write(bytes: Uint8Array): void {
    this.#duplex.write(bytes);
  }

  /** Takes nothing from the socket. */
  stopReading(): void {
    this.#duplex.pause();
  }

  close(): void {
    this.#duplex.destroy();
  }

  send(type: number, id: number, payload: Uint8Array | string | object = ""): void {
    const isJson = typeof payload === "object" && !(payload instanceof Uint8Array);
    this.write(isJson ? encodeJsonFrame(type, id, payload) : encodeFrame(type, id, payload));
  }

  /** The first frame, past or to come, that fits; it is taken out. */
  async take(what: string, fits: (frame: HostFrame) => boolean): Promise<HostFrame> {
    const index = await this.#until(what, () => this.frames.findIndex(fits) + 1);
    return this.frames.splice(index - 1, 1)[0] as HostFrame;
  }

  async untilClosed(): Promise<void> {
    await this.#until("the end of the connection", () => (this.#isClosed ? 1 : 0));
  }

  async handshake(key: Uint8Array): Promise<void> {
    const client = randomBytes(32).toString("hex");
    this.send(frameTypes.hello, 0, { protocols: [1], nonce: client });
    const challenge = json(await this.take("a challenge", (frame) => frame.type === frameTypes.challenge));
    const nonces = { client, host: String(challenge["nonce"]) };
    if (challenge["proof"] !== handshakeProof(key, "host", nonces)) throw new Error("the host's proof is wrong");
    this.send(frameTypes.proof, 0, { proof: handshakeProof(key, "client", nonces) });
    await this.take("a welcome", (frame) => frame.type === frameTypes.welcome);
  }

  /** What comes from here on is not frames. */
  release(): void {
    this.#duplex.off("data", this.#receive);
    this.#duplex.pause();
  }

  /** Sends a request without waiting; gives its id. */
  ask(method: string, parameters: object = {}): number {
    this.#nextId += 1;
    this.send(frameTypes.request, this.#nextId, { method, parameters });
    return this.#nextId;
  }

  async answer(id: number): Promise<HostFrame> {
    return this.take(
      `the answer to ${id}`,
      (frame) => frame.id === id && (frame.type === frameTypes.response || frame.type === frameTypes.failure),
    );
  }

  async call(method: string, parameters: object = {}): Promise<Readonly<Record<string, unknown>>> {
    const frame = await this.answer(this.ask(method, parameters));
    if (frame.type === frameTypes.failure)
      throw Object.assign(new Error(String(json(frame)["message"])), { code: json(frame)["code"] });
    return json(frame);
  }

  credit(id: number, source: number, bytes: number): void {
    const payload = Buffer.alloc(5);
    payload.writeUInt8(source, 0);
    payload.writeUInt32BE(bytes, 1);
    this.send(frameTypes.credit, id, payload);
  }

  readonly #receive = (bytes: Buffer): void => {
    this.#reader.push(bytes);
    for (let frame = this.#reader.next(); frame !== undefined; frame = this.#reader.next()) {
      this.frames.push({ ...frame, payload: Buffer.from(frame.payload) });
    }
    this.#wake();
  };

  async #until(what: string, look: () => number): Promise<number> {
    const deadline = performance.now() + deadlineMs;
    for (;;) {
      const found = look();
      if (found > 0) return found;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0 || (this.#isClosed && what !== "the end of the connection"))
        throw new Error(`there was no sign of ${what}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

export function json(frame: HostFrame): Readonly<Record<string, unknown>> {
  return JSON.parse(frame.payload.toString("utf8")) as Readonly<Record<string, unknown>>;
}
