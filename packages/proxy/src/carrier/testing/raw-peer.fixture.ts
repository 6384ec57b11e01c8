import { encodeJson, FrameReader, type ChannelFrame } from "../channel-frame.ts";
import { channelLimits, frameTypes, messages, readMessage } from "../channel-protocol.ts";
import { sessionId, type ChannelWorld } from "./channel-world.fixture.ts";
import { cutCarrier } from "./cut-carrier.fixture.ts";

/** What the raw peer says as its nonce. */
export const nonce: string = "ab".repeat(32);

/** A client that speaks by hand. */
export class RawPeer {
  readonly carrier: ReturnType<typeof cutCarrier> = cutCarrier();
  readonly frames: ChannelFrame[] = [];
  readonly accepted: Promise<unknown>;
  readonly #reader = new FrameReader(channelLimits.payloadBytes + 5);
  #heard: () => void = () => undefined;

  constructor(world: ChannelWorld, session: string = sessionId) {
    this.accepted = world.hub.acceptCarrier(this.carrier.hub, session).catch((error: unknown) => error);
    this.carrier.client.on("error", () => undefined).on("close", () => this.#heard());
    this.carrier.client.on("data", (bytes: Buffer) => {
      this.#reader.push(bytes);
      for (let frame = this.#reader.next(); frame !== undefined; frame = this.#reader.next()) this.frames.push(frame);
      this.#heard();
    });
  }

  say(...frames: readonly Buffer[]): void {
    for (const frame of frames) this.carrier.client.write(frame);
  }

  hello(channel?: string): void {
    this.say(encodeJson(frameTypes.hello, 0, { protocols: [1], nonce, channel }));
  }

  /** The first frame of the type that came or comes. */
  async heard(type: number): Promise<ChannelFrame> {
    for (;;) {
      const found = this.frames.find((frame) => frame.type === type);
      if (found !== undefined) return found;
      if (this.carrier.client.destroyed) throw new Error(`the carrier closed before a frame of type ${type}`);
      await new Promise<void>((fulfil) => {
        this.#heard = fulfil;
      });
    }
  }

  async begin(): Promise<{ readonly channel: string; readonly key: string }> {
    this.hello();
    const { channel = "", key = "" } = readMessage(messages.welcome, (await this.heard(frameTypes.welcome)).payload);
    return { channel, key };
  }

  async failure(): Promise<string> {
    return readMessage(messages.reason, (await this.heard(frameTypes.failure)).payload).code;
  }
}
