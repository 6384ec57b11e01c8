import { randomBytes } from "node:crypto";
import { brotliCompressSync, gzipSync } from "node:zlib";

import { canaryEncoders, scanBytes } from "@clauderon/core/testing";
import { describe, expect, it } from "vitest";

import { joinFrames, scanAnswer } from "./harness/canary-scan.fixture.ts";
import { canaries } from "./harness/planted-secrets.fixture.ts";
import { chunkedAnswer, eventStream, pieces, webSocketAnswer, wholeAnswer } from "./harness/written-answers.fixture.ts";

const secret = canaries.anthropic;
const encodings = Object.entries(canaryEncoders);

/** How an answer may be cut on its way; what a client puts together again must be searched. */
const ways: readonly (readonly [name: string, write: (body: Buffer) => readonly Buffer[]])[] = [
  ["whole", (body) => [wholeAnswer(body)]],
  ["chunks of one byte", (body) => chunkedAnswer(body, 1)],
  ["chunks of seven bytes", (body) => chunkedAnswer(body, 7)],
  ["WebSocket frames of five bytes", (body) => webSocketAnswer(pieces(body, 5))],
  ["an event stream", (body) => eventStream(body, body.length)],
];

describe("the scanner", () => {
  describe.each(encodings)("%s", (encoding, encode) => {
    it.each(ways)("finds the secret when it is planted in %s", (_way, write) => {
      const body = Buffer.concat([Buffer.from("before "), encode(secret), Buffer.from(" behind")]);
      expect(scanAnswer(Buffer.concat(write(body)), secret)).toContain(encoding);
    });

    it.each(ways)("finds nothing when a near secret is planted in %s", (_way, write) => {
      const body = Buffer.concat([Buffer.from("before "), encode(secret.replace("9f", "8e")), Buffer.from(" behind")]);
      expect(scanAnswer(Buffer.concat(write(body)), secret)).toEqual([]);
    });
  });

  it.each([
    ["compressed", "gzip", gzipSync(secret)],
    ["compressed twice", "gzip, br", brotliCompressSync(gzipSync(secret))],
    [
      "broken in the middle",
      "gzip",
      Buffer.concat([gzipSync(secret + randomBytes(400).toString("hex")).subarray(0, -20), Buffer.alloc(9, 255)]),
    ],
  ])("finds it %s", (_name, encoding, body) => {
    expect(scanAnswer(wholeAnswer(body, [`Content-Encoding: ${encoding}`]), secret)).toContain("plain");
    expect(scanBytes(body, secret)).toEqual([]);
  });

  it("finds it in events that split it", () => {
    expect(scanAnswer(Buffer.concat(eventStream(Buffer.from(secret), 4)), secret)).toContain("plain");
  });
});

it("frames are put together as a client does", () => {
  const head = Buffer.from("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  const answer = Buffer.concat(webSocketAnswer(pieces(Buffer.from("a".repeat(300)), 200)));
  expect(joinFrames(answer.subarray(head.length)).toString()).toBe("a".repeat(300));
});
