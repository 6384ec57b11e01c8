import fc from "fast-check";
import { describe, expect, it, test } from "vitest";

import { AnswerParser } from "./http1-answer.ts";

interface Seen {
  readonly events: string[];
  /** `done`, `more`, `excess` = bytes behind the end, `cut` = ended too early, or what was wrong. */
  readonly outcome: string;
  readonly keepsConnection: boolean;
}

/** What a parser tells of these pieces, and of the connection's end after them. */
function read(pieces: readonly string[], { method = "GET", isEnded = false, headerBytes = 1000 } = {}): Seen {
  const events: string[] = [];
  let body = "";
  const parser = new AnswerParser(
    {
      onHead: (status, reason, lines) => events.push(`${status} ${reason} ${lines.join("|")}`),
      onData: (chunk) => {
        body += chunk.toString("latin1");
      },
      onEnd: (trailers) => events.push(`end ${body} ${trailers.join("|")}`),
    },
    { headerBytes },
  );
  parser.begin(method);
  const outcome = (): string => {
    for (const piece of pieces) if (!parser.take(Buffer.from(piece, "latin1"))) return "excess";
    if (isEnded) return parser.end() ? "done" : "cut";
    return parser.isDone ? "done" : "more";
  };
  try {
    return { events, outcome: outcome(), keepsConnection: parser.keepsConnection };
  } catch (error) {
    return { events, outcome: (error as Error & { code: string }).code, keepsConnection: false };
  }
}

const ok = "HTTP/1.1 200 OK\r\n";
const whole: readonly (readonly [name: string, text: string, events: readonly string[]])[] = [
  ["a length", `${ok}Content-Length: 5\r\nX-A:  b \t\r\n\r\nhello`, ["200 OK Content-Length|5|X-A|b", "end hello "]],
  ["no body", `${ok}content-length: 0\r\n\r\n`, ["200 OK content-length|0", "end  "]],
  [
    "chunks and trailers",
    `${ok}Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nx-sum: 1\r\n\r\n`,
    ["200 OK Transfer-Encoding|chunked", "end hello0123456789 x-sum|1"],
  ],
  ["chunks alone", `${ok}transfer-encoding: Chunked\r\n\r\n0\r\n\r\n`, ["200 OK transfer-encoding|Chunked", "end  "]],
  [
    "an interim answer before it",
    `HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${ok}content-length: 1\r\n\r\nx`,
    ["103 Early Hints link|</a>", "200 OK content-length|1", "end x "],
  ],
  ["204", "HTTP/1.1 204 No Content\r\n\r\n", ["204 No Content ", "end  "]],
  ["304 with the length of another", "HTTP/1.1 304\r\ncontent-length: 9\r\n\r\n", ["304  content-length|9", "end  "]],
];

describe("an answer with", () => {
  it.each(whole)("%s is the same wherever it is cut", (_name, text, events) => {
    const expected: Seen = { events: [...events], outcome: "done", keepsConnection: true };
    expect(read([text])).toEqual(expected);
    expect(read(text.split(""))).toEqual(expected);
    for (let at = 1; at < text.length; at += 1) expect(read([text.slice(0, at), text.slice(at)])).toEqual(expected);
  });

  it.each(whole)("%s that is cut off is never complete", (_name, text) => {
    for (let at = 1; at < text.length; at += 1)
      expect(read([text.slice(0, at)], { isEnded: true }).outcome).toBe("cut");
  });

  it.each(whole)("%s and more behind it does not pass the connection on", (_name, text) => {
    expect(read([`${text}H`]).outcome).toBe("excess");
    expect(read([text, "HTTP/1.1 200 OK\r\n\r\n"]).outcome).toBe("excess");
  });
});

test("an answer to HEAD has no body whatever its length says", () => {
  expect(read([`${ok}content-length: 9\r\n\r\n`], { method: "HEAD" }).outcome).toBe("done");
  expect(read([`${ok}transfer-encoding: chunked\r\n\r\n`], { method: "HEAD" }).outcome).toBe("done");
});

test("an answer without a length ends with its connection, which is not used again", () => {
  expect(read([`${ok}\r\nhello`])).toMatchObject({ outcome: "more" });
  expect(read([`${ok}\r\nhello`], { isEnded: true })).toEqual({
    events: ["200 OK ", "end hello "],
    outcome: "done",
    keepsConnection: false,
  });
});

it.each([
  ["close", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nConnection: Close\r\n\r\n", false],
  ["close among others", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: x, close\r\n\r\n", false],
  ["HTTP/1.0", "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", false],
  ["HTTP/1.0 that keeps it", "HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n", true],
])("the connection after %s", (_name, text, keeps) => {
  expect(read([text])).toMatchObject({ outcome: "done", keepsConnection: keeps });
});

it.each([
  ["two lengths", `${ok}content-length: 1\r\ncontent-length: 1\r\n\r\nx`],
  ["lengths in a list", `${ok}content-length: 1, 1\r\n\r\nx`],
  ["a length with a sign", `${ok}content-length: +1\r\n\r\nx`],
  ["an empty length", `${ok}content-length:\r\n\r\n`],
  ["a length and chunks", `${ok}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n`],
  ["another coding", `${ok}transfer-encoding: gzip, chunked\r\n\r\n`],
  ["chunked twice", `${ok}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n`],
  ["chunks in HTTP/1.0", `HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
  ["a blank before the colon", `${ok}content-length : 1\r\n\r\nx`],
  ["a folded line", `${ok}a: b\r\n c\r\n\r\n`],
  ["a lone line feed", `${ok}a: b\ncontent-length: 0\r\n\r\n`],
  ["a lone carriage return", `${ok}a: b\rcontent-length: 0\r\n\r\n`],
  ["NUL in a value", `${ok}a: b\0c\r\n\r\n`],
  ["a line without a colon", `${ok}nothing\r\n\r\n`],
  ["an empty name", `${ok}: b\r\n\r\n`],
  ["another protocol", "HTTP/2 200 OK\r\n\r\n"],
  ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
  ["a status below 100", "HTTP/1.1 099 OK\r\n\r\n"],
  ["a protocol that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"],
  ["no status line", "hello\r\n\r\n"],
  ["a chunk's size in 0x", `${ok}transfer-encoding: chunked\r\n\r\n0x5\r\nhello\r\n`],
  ["a chunk's size with a sign", `${ok}transfer-encoding: chunked\r\n\r\n-5\r\nhello\r\n`],
  ["a chunk's size too large", `${ok}transfer-encoding: chunked\r\n\r\n${"f".repeat(17)}\r\nhello\r\n`],
  ["a chunk longer than said", `${ok}transfer-encoding: chunked\r\n\r\n2\r\nhello\r\n`],
  ["a chunk's head that does not end", `${ok}transfer-encoding: chunked\r\n\r\n5;${"x".repeat(2000)}`],
  ["a trailer that is none", `${ok}transfer-encoding: chunked\r\n\r\n0\r\nx y\r\n\r\n`],
])("%s is refused", (_name, text) => {
  expect(read([text]).outcome).toBe("ANSWER_MALFORMED");
});

test("a head beyond the limit is refused, also while it still comes", () => {
  expect(read([`${ok}a: ${"x".repeat(1000)}\r\n\r\n`]).outcome).toBe("HEAD_TOO_LARGE");
  expect(read([`${ok}a: ${"x".repeat(1000)}`]).outcome).toBe("HEAD_TOO_LARGE");
});

test("any bytes, in any pieces, give the same reading or the same fault", () => {
  const token = fc.constantFrom(
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 100\r\n\r\n",
    "content-length: 3\r\n",
    "transfer-encoding: chunked\r\n",
    "\r\n",
    "\n",
    "3\r\nabc\r\n",
    "0\r\n\r\n",
    "abc",
    "x: y\r\n",
    "\0",
  );
  fc.assert(
    fc.property(fc.array(token, { maxLength: 8 }), fc.infiniteStream(fc.nat(6)), (tokens, cuts) => {
      const text = ok + tokens.join("");
      const pieces: string[] = [];
      for (let at = 0; at < text.length;) {
        const size = 1 + (cuts.next().value ?? 0);
        pieces.push(text.slice(at, at + size));
        at += size;
      }
      const once = read([text], { isEnded: true });
      expect(read(pieces, { isEnded: true })).toEqual(once);
    }),
    { numRuns: 2000 },
  );
});
