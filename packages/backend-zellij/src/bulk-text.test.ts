import fc from "fast-check";
import { expect, it } from "vitest";

import { bulkText } from "./bulk-text.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

it("cuts long text into portions that fit an argument and are the text again", () => {
  const characters = fc.string({
    unit: fc.constantFrom("a", "é", "✓", "🎉", "\n", "\t", "\r", "\uFEFF"),
    minLength: 20,
  });
  fc.assert(
    fc.property(characters, fc.integer({ min: 1024, max: 5000 }), (text, times) => {
      const long = text.repeat(times);
      const portions = bulkText(bytes(long)) ?? [];
      expect(portions.join("") === long).toBe(true);
      expect(portions.every((portion) => bytes(portion).length <= 131_071)).toBe(true);
    }),
    { numRuns: 30 },
  );
});

it.each([
  ["little", bytes("x".repeat(1023))],
  ["a key of zellij's", bytes(`${"x".repeat(2000)}\u0010d`)],
  ["an escape sequence", bytes(`\u001B[200~${"x".repeat(2000)}`)],
  ["NUL", bytes(`${"x".repeat(2000)}\0`)],
  ["a character cut in two", bytes(`${"x".repeat(2000)}é`).subarray(0, -1)],
])("leaves %s to be typed", (_what, input) => {
  expect(bulkText(input)).toBeUndefined();
});
