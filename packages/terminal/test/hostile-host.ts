import { Duplex } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";

import { encodeFrame, encodeJsonFrame, encodeOutput } from "../src/host-frame.ts";
import { handshakeProof } from "../src/host-handshake.ts";
import { HostLink } from "../src/host-link.ts";
import { guestPeer, sessionHostPeer, type HostPeer } from "../src/host-peer.ts";
import { HostProcessHandle } from "../src/host-process-handle.ts";
import { frameTypes, hostLimits } from "../src/host-protocol.ts";
import { HostTerminalStream } from "../src/host-terminal-stream.ts";

const key = Buffer.alloc(32, 7);
const nonce = "ab".repeat(32);
const ids = { request: 10, terminal: 11, process: 12 };

/** What a host could say to a client with a request, a terminal and a process open. */
const sayings: readonly Buffer[] = [
  encodeJsonFrame(frameTypes.response, ids.request, { agent: { state: "running" } }),
  encodeJsonFrame(frameTypes.failure, ids.request, { code: "internal", message: "m", fix: ["f"] }),
  encodeJsonFrame(frameTypes.failure, ids.terminal, { code: "agent.ended", message: "m" }),
  encodeJsonFrame(frameTypes.end, ids.process, { exit: { exitCode: 3, signal: "SIGHUP", isTimedOut: false } }),
  encodeJsonFrame(frameTypes.end, ids.terminal, {}),
  encodeFrame(frameTypes.credit, ids.terminal, Buffer.from([0, 0, 0, 0, 9])),
  ...[ids.terminal, ids.process].map((id) =>
    encodeOutput(id, { type: frameTypes.output, source: 1, flags: 1, sequence: 5 }, [Buffer.alloc(100, "x")]),
  ),
  encodeOutput(ids.process, { type: frameTypes.output, source: 2, flags: 0, sequence: 0 }, [Buffer.alloc(70_000)]),
  encodeFrame(0x7f, 3, "?"),
];

/** Numbers from 0 up to the bound; the same for the same seed. */
export type RandomNumber = (bound: number) => number;

export function randomNumbers(seed: number): RandomNumber {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

/** One of the sayings, or several, with some bytes changed, cut or repeated; or noise. */
function hostileBytes(random: RandomNumber): Buffer {
  if (random(10) === 0) return Buffer.from(Array.from({ length: random(60) }, () => random(256)));
  const parts = Array.from({ length: 1 + random(3) }, () => sayings[random(sayings.length)] ?? Buffer.alloc(0));
  let bytes: Buffer = Buffer.concat(parts);
  for (let changes = random(4); changes > 0; changes -= 1) {
    const at = random(bytes.length + 1);
    if (random(4) === 0) bytes = bytes.subarray(0, at);
    else if (at < bytes.length) bytes.writeUInt8(random(256), at);
  }
  return bytes;
}

/** A client's link to a host that knows the key and then says what it is told to say. */
class HostileWorld {
  readonly outcomes: Promise<unknown>[];
  readonly terminal: HostTerminalStream;
  readonly link: HostLink;
  readonly #duplex: Duplex;

  private constructor(link: HostLink, duplex: Duplex) {
    this.link = link;
    this.#duplex = duplex;
    this.terminal = new HostTerminalStream(link, ids.terminal, "s");
    const handle = new HostProcessHandle(link, ids.process, true);
    const request = (id: number, handler?: HostTerminalStream | HostProcessHandle): Promise<unknown> =>
      link.request("any", {}, { id, handler: handler ?? { frame: () => undefined, closed: () => undefined } });
    this.outcomes = [
      request(ids.request),
      request(ids.terminal, this.terminal),
      request(ids.process, handle),
      this.terminal.ended,
      handle.exit,
      this.terminal.input(Buffer.from("typed")),
    ].map(async (outcome) => outcome.then(String, String));
  }

  static async begin(peer: HostPeer): Promise<HostileWorld> {
    const duplex: Duplex = new Duplex({
      read: () => undefined,
      write(bytes: Buffer, _encoding, done) {
        if (bytes.readUInt8(4) === frameTypes.hello) {
          const { nonce: client } = JSON.parse(bytes.subarray(9).toString()) as { nonce: string };
          const proof = handshakeProof(key, "host", { client, host: nonce });
          duplex.push(encodeJsonFrame(frameTypes.challenge, 0, { protocol: 1, nonce, proof }));
        } else if (bytes.readUInt8(4) === frameTypes.proof) duplex.push(encodeJsonFrame(frameTypes.welcome, 0, {}));
        done();
      },
    });
    return new HostileWorld(await HostLink.open(duplex, key, peer), duplex);
  }

  say(bytes: Buffer): void {
    this.#duplex.push(bytes);
  }

  /** Everybody who waited is told something when the connection is over. */
  async end(): Promise<void> {
    this.link.close();
    await Promise.all(this.outcomes);
    let held = 0;
    for await (const { bytes } of this.terminal.output) held += bytes.length;
    if (held > hostLimits.outputWindowBytes) throw new Error(`${held} bytes were held for the terminal`);
  }
}

/** Has hosts say so many hostile things. Throws, hangs or lets an error escape where the client does not withstand them. */
export async function talkWithHostileHosts(count: number, seed: number): Promise<{ readonly links: number }> {
  const random = randomNumbers(seed);
  let links = 0;
  let world: HostileWorld | undefined;
  for (let said = 0; said < count; said += 1) {
    if (world === undefined) {
      world = await HostileWorld.begin(links % 2 === 0 ? guestPeer : sessionHostPeer);
      links += 1;
    }
    world.say(hostileBytes(random));
    if (said % 8 === 7 || world.link.isClosed) await turn();
    if (!world.link.isClosed && random(50) !== 0) continue;
    await world.end();
    world = undefined;
  }
  await world?.end();
  return { links };
}
