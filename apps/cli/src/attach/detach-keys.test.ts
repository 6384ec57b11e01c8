import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { describeDetachKeys, DetachKeyScanner, parseDetachKeys } from "./detach-keys.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array): string => new TextDecoder().decode(value);

describe("parseDetachKeys", () => {
  test.each([
    ["ctrl-\\", [28]],
    ["ctrl-p,ctrl-q", [16, 17]],
    ["ctrl-a,d", [1, 100]],
    ["Ctrl-]", [29]],
  ])("%s", (written, expected) => {
    expect([...parseDetachKeys(written)]).toEqual(expected);
  });

  test.each(["", "ctrl-", "alt-x", "ctrl-é", "ab"])("refuses %j", (written) => {
    expect(() => parseDetachKeys(written)).toThrow("no keys");
  });

  test("is described as it is pressed", () => {
    expect(describeDetachKeys("ctrl-p,ctrl-q")).toBe("Ctrl-p Ctrl-q");
  });
});

describe("DetachKeyScanner", () => {
  test("detaches at the key and drops what follows", () => {
    const scanner = new DetachKeyScanner(parseDetachKeys("ctrl-\\"));
    const result = scanner.scan(bytes("ab\u001ccd"));
    expect({ ...result, passed: text(result.passed) }).toEqual({ passed: "ab", isDetach: true });
  });

  test.each(["\u001b[92;5u", "\u001b[27;5;92~", "\u001b[92;5:1u"])("knows the key as %j", (form) => {
    expect(new DetachKeyScanner(parseDetachKeys("ctrl-\\")).scan(bytes(form)).isDetach).toBe(true);
  });

  test("a sequence may come in pieces; one that breaks off reaches the agent", () => {
    const scanner = new DetachKeyScanner(parseDetachKeys("ctrl-p,ctrl-q"));
    expect(scanner.scan(bytes("\u0010"))).toEqual({ passed: new Uint8Array(), isDetach: false });
    expect(text(scanner.scan(bytes("x")).passed)).toBe("\u0010x");
    scanner.scan(bytes("\u0010"));
    expect(scanner.scan(bytes("\u0011")).isDetach).toBe(true);
  });

  test("passes everything on that holds no detach key, however it is cut", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 8 })), (pieces) => {
        const clean = pieces.map((piece) => piece.filter((byte) => byte !== 28 && byte !== 27));
        const scanner = new DetachKeyScanner(parseDetachKeys("ctrl-\\"));
        const passed = clean.flatMap((piece) => [...scanner.scan(piece).passed]);
        expect(passed).toEqual(clean.flatMap((piece) => [...piece]));
      }),
    );
  });
});
