import fc from "fast-check";
import { expect, test } from "vitest";

import {
  encodeFrame,
  encodeJsonFrame,
  encodeOutput,
  FrameReader,
  payloadObject,
  type HostFrame,
} from "./host-frame.ts";
import { HostError } from "./host-protocol.ts";

const limitBytes = 4096;
const frame = fc.record({
  type: fc.integer({ min: 0, max: 255 }),
  id: fc.integer({ min: 0, max: 0xffff_ffff }),
  payload: fc.uint8Array({ maxLength: 300 }),
});

function readAll(reader: FrameReader): HostFrame[] {
  const frames: HostFrame[] = [];
  for (let next = reader.next(); next !== undefined; next = reader.next()) frames.push(next);
  return frames;
}

const plain = ({ type, id, payload }: HostFrame) => ({ type, id, payload: [...payload] });

/** The bytes in pieces that end at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((left, right) => left - right);
  const pieces: Buffer[] = [];
  let from = 0;
  for (const end of [...ends, bytes.length]) {
    pieces.push(Buffer.from(bytes.subarray(from, end)));
    from = end;
  }
  return pieces;
}

test("frames come out as they went in, wherever the stream is cut", () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 20 }), (sent, places) => {
      const bytes = Buffer.concat(sent.map(({ type, id, payload }) => encodeFrame(type, id, payload)));
      const reader = new FrameReader(limitBytes);
      const received = cut(bytes, places).flatMap((piece) => {
        reader.push(piece);
        return readAll(reader);
      });
      expect(received.map(plain)).toEqual(sent.map((item) => ({ ...item, payload: [...item.payload] })));
    }),
  );
});

test("a frame that is cut at each of its bytes is whole after the last one only", () => {
  const bytes = encodeJsonFrame(0x10, 7, { method: "host.info", text: "né" });
  for (let place = 0; place <= bytes.length; place += 1) {
    const reader = new FrameReader(limitBytes);
    reader.push(bytes.subarray(0, place));
    const early = readAll(reader);
    expect(early.length).toBe(place === bytes.length ? 1 : 0);
    reader.push(bytes.subarray(place));
    const [whole] = [...early, ...readAll(reader)];
    expect(whole === undefined ? undefined : payloadObject(whole.payload)).toEqual({ method: "host.info", text: "né" });
  }
});

test("an output frame carries source, flags and a sequence beyond 32 bits", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.uint8Array({ maxLength: 100 }), (sequence, bytes) => {
      const reader = new FrameReader(limitBytes);
      reader.push(
        encodeOutput(9, { type: 0x20, source: 2, flags: 1, sequence }, [bytes.subarray(0, 1), bytes.subarray(1)]),
      );
      const [received] = readAll(reader);
      expect([received?.type, received?.id]).toEqual([0x20, 9]);
      expect([...(received?.payload.subarray(0, 2) ?? [])]).toEqual([2, 1]);
      expect(received?.payload.readBigUInt64BE(2)).toBe(BigInt(sequence));
      expect([...(received?.payload.subarray(10) ?? [])]).toEqual([...bytes]);
    }),
  );
});

test("a length beyond the limit is refused by its first four bytes, one within is not", () => {
  const reader = new FrameReader(limitBytes);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(limitBytes);
  reader.push(head);
  expect(reader.next()).toBeUndefined();
  const second = new FrameReader(limitBytes);
  head.writeUInt32BE(limitBytes + 1);
  second.push(Buffer.from(head));
  expect(() => second.next()).toThrow(
    expect.objectContaining({ failure: expect.objectContaining({ code: "request.too-large" }) }),
  );
});

test("garbage gives frames or one refusal, never another error", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), (pieces) => {
      const reader = new FrameReader(limitBytes);
      try {
        for (const piece of pieces) {
          reader.push(Buffer.from(piece));
          for (const received of readAll(reader)) {
            try {
              payloadObject(received.payload);
            } catch (error) {
              expect(error).toBeInstanceOf(HostError);
            }
          }
        }
      } catch (error) {
        expect(error).toBeInstanceOf(HostError);
      }
    }),
    { numRuns: 500 },
  );
});

test("a large frame that comes byte by byte is held in few pieces", () => {
  const payload = Buffer.alloc(150_000, "x");
  const bytes = encodeFrame(0x21, 1, payload);
  const reader = new FrameReader(4_194_304);
  let mostParts = 0;
  for (const byte of bytes.subarray(0, -1)) {
    reader.push(Buffer.of(byte));
    expect(reader.next()).toBeUndefined();
    mostParts = Math.max(mostParts, reader.partCount);
  }
  reader.push(bytes.subarray(-1));
  expect(reader.next()?.payload.equals(payload)).toBe(true);
  expect(mostParts).toBeLessThan(300);
});

test.each(["[]", "null", "1", '"text"', "{", ""])("the payload %s is refused", (text) => {
  expect(() => payloadObject(Buffer.from(text))).toThrow(HostError);
});
