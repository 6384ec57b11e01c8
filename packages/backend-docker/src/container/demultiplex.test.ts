import { Duplex, PassThrough } from "node:stream";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { demultiplex } from "./demultiplex.ts";

function frame(type: number, bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt8(type, 0);
  head.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([head, bytes]);
}

/** What is written to `feed` arrives at the connection's reader; `sent` is what the reader's side wrote. */
function connection() {
  const [feed, sent] = [new PassThrough(), new PassThrough()];
  return { duplex: demultiplex(Duplex.from({ readable: feed, writable: sent })), feed, sent };
}

async function all(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

describe("The connection to a program that the engine runs", () => {
  it("gives its output, whatever pieces the frames come in", async () => {
    const frames = fc.array(fc.tuple(fc.constantFrom(0, 1, 2), fc.uint8Array({ maxLength: 300 })), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(frames, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), async (parts, sizes) => {
        const { duplex, feed } = connection();
        const bytes = Buffer.concat(parts.map(([type, content]) => frame(type, content)));
        const reading = all(duplex);
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          feed.write(bytes.subarray(at, at + size));
          at += size;
        }
        feed.end();
        const wanted = Buffer.concat(parts.filter(([type]) => type === 1).map(([, content]) => content));
        expect((await reading).equals(wanted)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("takes input as it is", async () => {
    const { duplex, sent } = connection();
    duplex.write("hello ");
    duplex.end("there");
    expect((await all(sent)).toString()).toBe("hello there");
  });

  it.each([Buffer.from([9, 0, 0, 0, 0, 0, 0, 1, 1]), Buffer.from([1, 0, 0, 0, 255, 255, 255, 255])])(
    "ends with an error when it is no frame",
    async (bytes) => {
      const { duplex, feed } = connection();
      feed.end(bytes);
      await expect(all(duplex)).rejects.toThrow("no frame");
    },
  );
});
