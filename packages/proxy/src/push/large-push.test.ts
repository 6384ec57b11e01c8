import { randomFillSync } from "node:crypto";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";

import { describe, expect, it } from "vitest";

import { createPushGuard } from "./create-push-guard.ts";
import { commitOf, GIT_CAPABILITIES, packOf, pushBody, scope } from "./push-body.fixture.ts";
import { pushRequestDecoder } from "./push-request-decoder.ts";

const MIB = 1024 * 1024;
const old = commitOf([], "old");
const tip = commitOf([old.id], "tip");
const head = pushBody({
  lines: [`${old.id} ${tip.id} ${scope.ref}\0${GIT_CAPABILITIES}`],
  pack: packOf([tip]),
});

describe("A large push", () => {
  it("of 2 GiB flows with bounded memory", () => {
    const guard = createPushGuard(scope);
    const chunk = randomFillSync(Buffer.alloc(65_536));
    let forwarded = 0;
    let mostHeld = 0;
    const before = process.memoryUsage().rss;
    for (let written = 0; written < 2048 * MIB;) {
      const piece = written === 0 ? head : chunk;
      written += piece.length;
      const result = guard.write(piece);
      if (result.kind === "refuse") expect.fail(result.refusal.message);
      for (const { length } of result.chunks) forwarded += length;
      mostHeld = Math.max(mostHeld, written - forwarded);
    }
    expect(mostHeld).toBe(0);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * MIB);
  });

  it("of compressed bytes is judged and sent decoded", async () => {
    const decoder = pushRequestDecoder("gzip");
    if (decoder === undefined || decoder === "identity") expect.fail("gzip has a decoder");
    const guard = createPushGuard(scope);
    const forwarded: Uint8Array[] = [];
    for await (const chunk of Readable.from([gzipSync(head)]).pipe(decoder) as AsyncIterable<Buffer>) {
      const result = guard.write(chunk);
      if (result.kind === "refuse") expect.fail(result.refusal.message);
      forwarded.push(...result.chunks);
    }
    expect(Buffer.concat(forwarded).equals(head)).toBe(true);
    expect(pushRequestDecoder("br")).toBeUndefined();
  });

  it("of one commit that never ends is refused within 2 MiB", () => {
    const guard = createPushGuard(scope);
    const endless = randomFillSync(Buffer.alloc(65_536)).fill(0x50);
    // An entry that claims a mebibyte, then stored blocks of zlib without a last one.
    const block = Buffer.concat([Buffer.from([0, 0xff, 0xff, 0, 0]), Buffer.alloc(65_535)]);
    const opening = head.subarray(0, head.indexOf("PACK") + 12);
    let result = guard.write(Buffer.concat([opening, Buffer.from([0x90 | 15, 0xff, 0xff, 0x07, 0x78, 0x01])]));
    let written = 0;
    for (; result.kind === "forward" && written < 16 * MIB; written += block.length) {
      result = guard.write(written === 0 ? block : endless);
    }
    expect(result.kind).toBe("refuse");
    expect(written).toBeLessThan(2.2 * MIB);
  });
});
