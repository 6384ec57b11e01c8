import fc from "fast-check";
import { expect, test } from "vitest";

import { createReplayRing } from "./replay-ring.ts";

const text = (parts: readonly Uint8Array[] | undefined): string | undefined =>
  parts === undefined ? undefined : Buffer.concat(parts).toString("latin1");

test("a tail is what a string of all bytes says it is, and never more than the capacity is held", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1, maxLength: 30 })), fc.nat(400), (parts, from) => {
      const ring = createReplayRing(100);
      let all = "";
      for (const part of parts) {
        const bytes = Buffer.from(part, "latin1");
        ring.append(all.length, bytes);
        all += bytes.toString("latin1");
      }
      const tail = text(ring.tail(from));
      if (from > all.length) expect(tail).toBeUndefined();
      else if (tail === undefined) expect(from).toBeLessThan(all.length - 70);
      else expect(tail).toBe(all.slice(from));
      if (tail !== undefined) expect(tail.length).toBeLessThanOrEqual(100);
    }),
  );
});

test("bytes without extent are replaced by what has the same sequence", () => {
  const ring = createReplayRing(100);
  ring.append(500, Buffer.from("modes"));
  ring.append(500, Buffer.from("output"));
  expect(text(ring.tail(500))).toBe("output");
  expect(ring.end).toBe(506);
});

test("after a gap nothing older is handed out", () => {
  const ring = createReplayRing(100);
  ring.append(0, Buffer.from("old"));
  ring.append(50, Buffer.from("new"));
  expect(ring.tail(0)).toBeUndefined();
  expect(text(ring.tail(50))).toBe("new");
  expect(text(ring.tail(51, 52))).toBe("e");
});
