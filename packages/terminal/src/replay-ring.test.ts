import fc from "fast-check";
import { expect, test } from "vitest";

import type { SourceName } from "./host-protocol.ts";
import { ReplayRing } from "./replay-ring.ts";

const limitBytes = 128 * 1024;
const source = fc.constantFrom<SourceName>("stdout", "stderr");
const outputs = fc.array(
  fc.record({ source, length: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 20_000 })) }),
  { maxLength: 40 },
);

const period = 251;
const pattern = Uint8Array.from({ length: period + 1_000_000 }, (_, index) => index % period);

/** Bytes that tell their own position. */
function piece(from: number, length: number): Uint8Array {
  return pattern.subarray(from % period, (from % period) + length);
}

test("keeps the latest bytes under their numbers, within its limit, whoever wrote them", () => {
  fc.assert(
    fc.property(outputs, fc.integer({ min: 1, max: 70_000 }), (writes, most) => {
      const ring = new ReplayRing(limitBytes);
      const owners: { readonly end: number; readonly source: SourceName }[] = [];
      let end = 0;
      for (const write of writes) {
        ring.append(piece(end, write.length), write.source);
        end += write.length;
        if (write.length > 0) owners.push({ end, source: write.source });
        expect(ring.heldBytes).toBeLessThanOrEqual(limitBytes);
      }
      expect(ring.end).toBe(end);
      if (end <= limitBytes / 8 && writes.length < 8) expect(ring.start).toBe(0);
      let cursor = ring.start;
      for (let slice = ring.slice(cursor, most); slice !== undefined; slice = ring.slice(cursor, most)) {
        const bytes = Buffer.concat(slice.parts);
        const last = cursor + bytes.length - 1;
        const writers = owners.filter((owner, index) => owner.end > cursor && (owners[index - 1]?.end ?? 0) <= last);
        // One comparison for each slice: there are very many.
        const isRight =
          slice.sequence === cursor &&
          bytes.length === slice.length &&
          bytes.length > 0 &&
          bytes.length <= most &&
          Buffer.compare(bytes, piece(cursor, bytes.length)) === 0 &&
          writers.every((writer) => writer.source === slice.source);
        if (!isRight) expect({ ...slice, cursor, most }).toBe("the bytes from the cursor on, from one source");
        cursor += bytes.length;
      }
      expect(cursor).toBe(end);
    }),
    { numRuns: 40 },
  );
});

test("many small pieces from two sources in turn stay within the limit too", () => {
  const ring = new ReplayRing(limitBytes);
  for (let index = 0; index < 20_000; index += 1)
    ring.append(Uint8Array.of(index % 251), index % 2 === 0 ? "stdout" : "stderr");
  expect(ring.heldBytes).toBeLessThanOrEqual(limitBytes);
  expect(ring.end).toBe(20_000);
  expect(ring.start).toBeGreaterThan(0);
});

test("a slice before the oldest byte begins at it, one at the end is none", () => {
  const ring = new ReplayRing(limitBytes);
  expect(ring.slice(0, 10)).toBeUndefined();
  ring.append(piece(0, 300_000), "stdout");
  expect(ring.slice(0, 10)?.sequence).toBe(ring.start);
  expect(ring.slice(ring.end, 10)).toBeUndefined();
});

test("what lost output had switched on is in the prelude, and only once it is lost", () => {
  const ring = new ReplayRing(limitBytes);
  ring.append(Buffer.from("\u001B[?1049h\u001B[?2004h"), "stdout");
  expect(ring.prelude()).toHaveLength(0);
  ring.append(new Uint8Array(300_000).fill(0x78), "stdout");
  expect(Buffer.from(ring.prelude()).toString()).toBe("\u001B[?1049h\u001B[?2004h");
});
