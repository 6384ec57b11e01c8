import fc from "fast-check";
import { expect, it } from "vitest";

import { FirstDrawing } from "./first-drawing.ts";

const beginning =
  "\u001b[?1049h\u001b[?1l\u001b=\u001b[r\u001b[>1u\u001b[?996n\u001b[14t\u001b]4;1;?\u001b\\\u001b[?2026$p";
const drawing = "\u001b[?25l\u001b[12;1H\u001b[mready";
const farewell = "\u001b[<1u\u001b[?2031l\u001b[?1049l\u001b[m\u001b[?25h\u001b[24;1HBye from Zellij!\n";
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The text in pieces. */
const cut = (text: string, sizes: readonly number[]): readonly string[] => {
  const pieces: string[] = [];
  let at = 0;
  for (const size of sizes) {
    pieces.push(text.slice(at, at + size));
    at += size;
  }
  return [...pieces, text.slice(at)];
};

it("is seen however the output is cut, and only when it is there", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 20 }), (sizes) => {
      const first = new FirstDrawing();
      for (const piece of cut(beginning.repeat(40), sizes)) expect(first.take(bytes(piece))).toBe(false);
      for (const piece of cut(drawing, sizes)) first.take(bytes(piece));
      expect(first.isSeen).toBe(true);
      expect(first.take(bytes(farewell))).toBe(true);
    }),
  );
});

it("is not the farewell of a client that was turned away", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 20 }), (sizes) => {
      const first = new FirstDrawing();
      for (const piece of cut(beginning + farewell, sizes)) expect(first.take(bytes(piece))).toBe(false);
    }),
  );
});
