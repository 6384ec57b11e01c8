import { createServer } from "node:http";
import { duplexPair } from "node:stream";

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { readPlainRequestHead } from "./plain-request-head.ts";

type Seen = { readonly method: string; readonly url: string; readonly rawHeaders: readonly string[] } | "refused";

/** What Node's own parser makes of the bytes, set up as the proxy sets it up. */
async function readByNode(bytes: Buffer): Promise<Seen> {
  const server = createServer({ insecureHTTPParser: false, requireHostHeader: false, maxHeaderSize: 64 * 1024 });
  const [ours, theirs] = duplexPair();
  try {
    return await new Promise<Seen>((resolve) => {
      server.on("request", ({ method = "", url = "", rawHeaders }) => resolve({ method, url, rawHeaders }));
      server.on("checkContinue", () => resolve("refused"));
      server.on("upgrade", () => resolve("refused"));
      server.on("clientError", () => resolve("refused"));
      server.emit("connection", theirs);
      ours.end(bytes);
    });
  } finally {
    ours.destroy();
    theirs.destroy();
  }
}

/** Mostly what is right, so that much is taken, and all that could go wrong around it. */
function mostly(right: fc.Arbitrary<string>, other: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.oneof({ arbitrary: right, weight: 12 }, { arbitrary: other, weight: 1 });
}

const visible = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code));
const latin1 = fc.integer({ min: 0, max: 0xff }).map((code) => String.fromCharCode(code));
const fieldCharacter = fc.constantFrom("a", "Z", "9", " ", "\t", ":", ";", ",", '"', "\u0080", "\u00ff", "~", "\\");
const methods = mostly(fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE"), fc.constantFrom("HEAD", "get", ""));
const targets = mostly(
  fc.string({ unit: visible, maxLength: 12 }).map((text) => `/${text}`),
  fc.oneof(fc.constantFrom("*", "http://a.test/", "/a b"), fc.string({ unit: latin1, maxLength: 8 })),
);
const versions = mostly(fc.constant(" HTTP/1.1"), fc.constantFrom(" HTTP/1.0", " HTTP/1.1 ", "  HTTP/1.1", ""));
const names = mostly(
  fc.oneof(
    fc.constantFrom("Host", "X-Api-Key", "content-length", "Connection", "Keep-Alive", "Cookie"),
    fc.string({ unit: fc.constantFrom(..."azAZ09!#$%&'*+.^`|~_-".split("")), minLength: 1, maxLength: 6 }),
  ),
  fc.oneof(fc.constantFrom("a ", "Transfer-Encoding", "Upgrade"), fc.string({ unit: latin1, maxLength: 6 })),
);
const values = mostly(
  fc.oneof(fc.constantFrom("0", "1", "keep-alive", "a.test", ""), fc.string({ unit: fieldCharacter, maxLength: 10 })),
  fc.string({ unit: latin1, maxLength: 10 }),
);
const lineEnds = mostly(fc.constant("\r\n"), fc.constantFrom("\n", "\r", "\r\n ", "\r\r\n"));
const heads = fc
  .tuple(methods, targets, versions, fc.array(fc.tuple(names, values, lineEnds), { minLength: 1, maxLength: 4 }))
  .map(
    ([method, target, version, lines]) =>
      `${method} ${target}${version}\r\n${lines.map(([name, value, end]) => `${name}:${value}${end}`).join("")}`,
  );

describe("a plain request's head", () => {
  it("is read as it stands", () => {
    const text = "POST /v1/messages?x=1 HTTP/1.1\r\nHost: a.test\r\nx-key:\t k \r\nContent-Length: 12";
    expect(readPlainRequestHead(text)).toEqual({
      method: "POST",
      url: "/v1/messages?x=1",
      rawHeaders: ["Host", "a.test", "x-key", "k", "Content-Length", "12"],
      bodyBytes: 12,
    });
  });

  it.each([
    ["another method", "HEAD / HTTP/1.1\r\nhost: a"],
    ["another version", "GET / HTTP/1.0\r\nhost: a"],
    ["an absolute target", "GET https://a/ HTTP/1.1\r\nhost: a"],
    ["no header at all", "GET / HTTP/1.1"],
    ["a blank before a colon", "GET / HTTP/1.1\r\nhost : a"],
    ["a folded line", "GET / HTTP/1.1\r\nhost: a\r\n b"],
    ["a lone line feed", "GET / HTTP/1.1\r\nhost: a\nb: c"],
    ["a control character", "GET / HTTP/1.1\r\nhost: a\u0000"],
    ["chunks", "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked"],
    ["two lengths", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\nContent-Length: 1"],
    ["a length that is none", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +1"],
    ["an expectation", "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue"],
    ["an upgrade", "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket"],
    ["a connection that ends", "GET / HTTP/1.1\r\nhost: a\r\nconnection: close"],
  ])("is not %s", (_what, text) => {
    expect(readPlainRequestHead(text)).toBeUndefined();
  });

  it("is what Node's parser makes of the same bytes, whenever it is taken for one", async () => {
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(heads, async (text) => {
        const head = text.replace(/\r\n$/u, "");
        const ours = readPlainRequestHead(head);
        if (ours === undefined) return;
        taken += 1;
        const body = "x".repeat(Math.min(ours.bodyBytes, 1000));
        const theirs = await readByNode(Buffer.from(`${head}\r\n\r\n${body}`, "latin1"));
        const { method, url, rawHeaders } = ours;
        expect(theirs).toEqual({ method, url, rawHeaders });
      }),
      { numRuns: 5000 },
    );
    expect(taken).toBeGreaterThan(300);
  }, 120_000);
});
