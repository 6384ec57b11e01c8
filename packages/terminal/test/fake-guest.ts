import { duplexPair, type Duplex } from "node:stream";

import { encodeJsonFrame, FrameReader, payloadObject } from "../src/host-frame.ts";
import { handshakeProof } from "../src/host-handshake.ts";
import { frameTypes } from "../src/host-protocol.ts";

export const guestKey: Buffer = Buffer.alloc(32, 7);
const nonce = "ab".repeat(32);

/** One question of a client, and whatever may be said to it. */
export interface Asked {
  readonly method: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** With what follows it in the same breath. */
  readonly answer: (result: object, ...then: readonly Uint8Array[]) => void;
  readonly fail: (failure: object) => void;
  readonly hangUp: () => void;
}

export interface FakeGuest {
  readonly dial: () => Promise<Duplex>;
  /** The guest's ends, in the order of the client's connections. */
  readonly connections: Duplex[];
}

/** A guest that knows the key (or another) and then says whatever the test wants. */
export function fakeGuest(react: (asked: Asked) => void, key: Uint8Array = guestKey): FakeGuest {
  const connections: Duplex[] = [];
  return {
    connections,
    async dial() {
      const [theirs, ours] = duplexPair();
      connections.push(ours);
      serve(ours, key, react);
      return theirs;
    },
  };
}

function serve(duplex: Duplex, key: Uint8Array, react: (asked: Asked) => void): void {
  const reader = new FrameReader(1 << 22);
  const write = (bytes: Uint8Array): void => {
    if (!duplex.destroyed) duplex.write(bytes);
  };
  duplex.on("error", () => undefined);
  duplex.on("data", (bytes: Buffer) => {
    reader.push(bytes);
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
      const { type, id, payload } = frame;
      if (type === frameTypes.hello) {
        const { nonce: client } = payloadObject(payload);
        const proof = handshakeProof(key, "host", { client: String(client), host: nonce });
        write(encodeJsonFrame(frameTypes.challenge, 0, { protocol: 1, nonce, proof }));
      } else if (type === frameTypes.proof) write(encodeJsonFrame(frameTypes.welcome, 0, {}));
      else if (type === frameTypes.request) {
        const { method, parameters } = payloadObject(payload);
        react({
          method: String(method),
          parameters: parameters as Asked["parameters"],
          answer: (result, ...then) =>
            write(Buffer.concat([encodeJsonFrame(frameTypes.response, id, result), ...then])),
          fail: (failure) => write(encodeJsonFrame(frameTypes.failure, id, failure)),
          hangUp: () => duplex.destroy(),
        });
      }
    }
  });
}
