import headless from "@xterm/headless";
import fc from "fast-check";
import { expect, test } from "vitest";

import { ModeScanner } from "./mode-scanner.ts";

const escape = "\u001B";
const modes = [1, 6, 7, 25, 47, 1000, 1002, 1003, 1004, 1006, 1047, 1049, 2004];

const sequence = fc.oneof(
  fc.tuple(fc.constantFrom(...modes), fc.boolean()).map(([mode, isSet]) => `${escape}[?${mode}${isSet ? "h" : "l"}`),
  fc.constantFrom(
    `${escape}=`,
    `${escape}>`,
    `${escape}c`,
    `${escape}[!p`,
    `${escape}[31;1m`,
    `${escape}[>1u`,
    `${escape}[<u`,
    `${escape}[>4;2m`,
    `${escape}]0;title ✓${"x".repeat(100)}\u0007`,
    `${escape}]8;;http://a${escape}\\`,
    `${escape}Pq${"~".repeat(200)}${escape}\\`,
    "naïve ✓ 🙂",
    "plain\r\n",
  ),
);
const output = fc.array(sequence, { maxLength: 30 }).map((parts) => Buffer.from(parts.join("")));

function scanned(...pieces: readonly Uint8Array[]): string {
  const scanner = new ModeScanner();
  for (const piece of pieces) scanner.scan(piece);
  return Buffer.from(scanner.prelude()).toString("latin1");
}

async function shown(...pieces: readonly (Uint8Array | string)[]): Promise<unknown> {
  const terminal = new headless.Terminal({ cols: 40, rows: 10, allowProposedApi: true });
  for (const piece of pieces) await new Promise<void>((resolve) => terminal.write(piece, resolve));
  const state = { ...terminal.modes, screen: terminal.buffer.active.type };
  terminal.dispose();
  return state;
}

test("it makes no difference where the output is cut", () => {
  fc.assert(
    fc.property(output, fc.nat(), (bytes, place) => {
      const at = place % (bytes.length + 1);
      expect(scanned(bytes.subarray(0, at), bytes.subarray(at))).toBe(scanned(bytes));
    }),
    { numRuns: 300 },
  );
});

test("a fresh terminal that gets the prelude and the rest has the modes of one that got everything", async () => {
  const withoutSoftReset = output.filter((bytes) => !bytes.includes("[!p"));
  await fc.assert(
    fc.asyncProperty(withoutSoftReset, fc.nat(), async (bytes, place) => {
      const at = place % (bytes.length + 1);
      const prelude = Buffer.from(scanned(bytes.subarray(0, at)), "latin1");
      expect(await shown(prelude, bytes.subarray(at))).toEqual(await shown(bytes));
    }),
    { numRuns: 150 },
  );
});

test("a character or sequence that was cut is completed by what follows", () => {
  const check = Buffer.from("✓");
  expect(scanned(check.subarray(0, 2))).toBe(check.subarray(0, 2).toString("latin1"));
  expect(scanned(Buffer.from(`${escape}[?20`))).toBe(`${escape}[?20`);
  expect(scanned(Buffer.from(`a${escape}]0;ti`))).toBe(`${escape}]0;ti`);
  // Far too long a string is swallowed to its end, but no longer kept.
  expect(scanned(Buffer.from(`${escape}P${"x".repeat(10_000)}`)).length).toBeLessThan(70);
});

test("kitty's keyboard flags are pushed, changed and popped", () => {
  expect(scanned(Buffer.from(`${escape}[>1u${escape}[>5u`))).toBe(`${escape}[>1u${escape}[>5u`);
  expect(scanned(Buffer.from(`${escape}[>1u${escape}[=4;2u`))).toBe(`${escape}[>5u`);
  expect(scanned(Buffer.from(`${escape}[>1u${escape}[>5u${escape}[<2u`))).toBe("");
});

test("any bytes are taken, in bounded memory", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 500 }), { maxLength: 10 }), (pieces) => {
      expect(scanned(...pieces).length).toBeLessThan(4096);
    }),
    { numRuns: 300 },
  );
  const flood = Array.from({ length: 5000 }, (_, index) => `${escape}[?${index}h${escape}[>${index}u`).join("");
  expect(scanned(Buffer.from(flood)).length).toBeLessThan(2048);
});
