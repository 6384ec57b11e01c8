import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";

import { canaryEncoders } from "@clauderon/core/testing";

import type { AttackCase, AttackGroup, WireCase } from "../harness/attack-case.fixture.ts";
import { canaries } from "../harness/planted-secrets.fixture.ts";
import { chunkedAnswer, pieces, webSocketAnswer, wholeAnswer } from "../harness/written-answers.fixture.ts";
import { foreignAuthorities } from "../tables/messages.fixture.ts";
import { upgradeRequest, webSocketLines } from "../tables/upgrades.fixture.ts";

const secret = canaries.anthropic;
const get = "GET /echo HTTP/1.1\r\nHost: TARGET\r\nConnection: close\r\n\r\n";
const text = `{"headers":{"x-api-key":"${secret}"}}`;

const echo = (what: string, answer: NonNullable<WireCase["answer"]>, extra: Partial<WireCase> = {}): AttackCase => ({
  what,
  way: "tunnel",
  send: get,
  answer,
  // The request with the credential is the one that is meant to arrive.
  never: /evil/u,
  sees: "200",
  ...extra,
});

const ended: Partial<WireCase> = { sees: /^(?:closed|200|502)/u };
const codings = {
  gzip: gzipSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
  deflate: deflateSync,
} as const;

const encoded: readonly AttackCase[] = Object.entries(canaryEncoders).flatMap(([encoding, encode]) => {
  const body = Buffer.concat([Buffer.from("before "), encode(secret), Buffer.from(" behind")]);
  return [
    echo(`in a body: ${encoding}`, [wholeAnswer(body)]),
    echo(`in chunks of three bytes: ${encoding}`, chunkedAnswer(body, 3)),
    echo(`in frames of a WebSocket: ${encoding}`, webSocketAnswer(pieces(body, 5)), {
      send: upgradeRequest(webSocketLines),
      sees: "101",
    }),
  ];
});

const places: readonly AttackCase[] = [
  ...Object.entries(codings).map(([name, encode]) =>
    echo(`compressed with ${name}`, [wholeAnswer(encode(text), [`Content-Encoding: ${name}`])]),
  ),
  echo("compressed with raw deflate", [wholeAnswer(deflateRawSync(text), ["Content-Encoding: deflate"])]),
  echo("compressed twice", [wholeAnswer(brotliCompressSync(gzipSync(text)), ["Content-Encoding: gzip, br"])]),
  echo("compressed, in chunks of one byte", chunkedAnswer(gzipSync(text), 1, ["Content-Encoding: gzip"])),
  ...["compress", "dcb", "x-unknown", "gzip, gzip, gzip"].map((name) =>
    echo(`an encoding that cannot be read: ${name}`, [wholeAnswer(text, [`Content-Encoding: ${name}`])], {
      sees: "502 answer-unreadable",
    }),
  ),
  ...["X-Echo", "Set-Cookie", "WWW-Authenticate", "Location", "ETag", "Server"].map((name) =>
    echo(`in the header ${name}`, [wholeAnswer("ok", [`${name}: a=${secret}; b`])]),
  ),
  echo("in a header, as Basic", [
    wholeAnswer("ok", [`X-Echo: Basic ${Buffer.from(`user:${secret}`).toString("base64")}`]),
  ]),
  echo("in the reason", [`HTTP/1.1 200 ${secret}\r\nContent-Length: 2\r\n\r\nok`]),
  echo("in the reason of an error", [`HTTP/1.1 401 no ${secret}\r\nContent-Length: 2\r\n\r\nno`], { sees: "401" }),
  echo("in an error page", [`HTTP/1.1 500 Error\r\nContent-Length: ${text.length}\r\n\r\n${text}`], { sees: "500" }),
  echo(
    "in 103 Early Hints",
    [`HTTP/1.1 103 Early Hints\r\nLink: </${secret}>; rel=preload\r\n\r\n`, wholeAnswer("ok")],
    {
      sees: /200$/u,
    },
  ),
  echo("in 102 Processing", [`HTTP/1.1 102 Processing\r\nX-Echo: ${secret}\r\n\r\n`, wholeAnswer("ok")], {
    sees: /200$/u,
  }),
  echo("in a trailer", [...chunkedAnswer(Buffer.from("ok"), 1).slice(0, -1), `0\r\nX-Echo: ${secret}\r\n\r\n`]),
  echo("in the extension of a chunk", [
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    `2;x="${secret}"\r\nok\r\n0\r\n\r\n`,
  ]),
  echo(
    "in an event stream, written byte by byte",
    chunkedAnswer(Buffer.from(`event: a\ndata: ${text}\n\n`), 1, ["Content-Type: text/event-stream"]),
  ),
  echo("in a body that the end of the connection ends", [`HTTP/1.1 200 OK\r\n\r\n${text}`]),
  echo("behind a body, as if it were another answer", [Buffer.concat([wholeAnswer("ok"), wholeAnswer(text)])]),
  echo("at the end of a body that breaks off", [`HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n${text}`], ended),
  echo(
    "in chunks that break off in the same write",
    [`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${text.length.toString(16)}\r\n${text}\r\nzz`],
    ended,
  ),
  echo(
    "half of it before the connection breaks off",
    [`HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n${secret.slice(0, -1)}`],
    ended,
  ),
  echo(
    "compressed, and broken in the middle",
    [wholeAnswer(gzipSync(text.repeat(20)).subarray(0, -12), ["Content-Encoding: gzip"])],
    ended,
  ),
  echo("in an answer that is no HTTP", [`${secret}\r\n\r\n`], { sees: "502" }),
  echo("in a malformed header line", [`HTTP/1.1 200 OK\r\n${secret}\r\nContent-Length: 2\r\n\r\nok`], {
    sees: /^(?:502|200)/u,
  }),
  echo("in the answer to a refused upgrade", [wholeAnswer(text)], { send: upgradeRequest(webSocketLines) }),
  echo(
    "in the head of the 101",
    ["HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n", `X-Echo: ${secret}\r\n\r\n`],
    {
      send: upgradeRequest(webSocketLines),
      sees: "101",
    },
  ),
  ...foreignAuthorities
    .filter(([name]) => name.startsWith("P26"))
    .map(([name, send, status]): AttackCase => ({ what: name.slice(4), way: "tunnel", send, sees: String(status) })),
];

const zeros = Buffer.alloc(24 * 1024 * 1024);
const bomb = (name: keyof typeof codings): AttackCase =>
  echo(
    `24 MiB of zeros and the credential in ${name}`,
    [wholeAnswer(codings[name](Buffer.concat([zeros, Buffer.from(text)])), [`Content-Encoding: ${name}`])],
    ended,
  );

/** What comes back from an upstream. */
export const answerGroups: readonly AttackGroup[] = [
  {
    id: "P26",
    title: "the upstream echoes the credential",
    rule: "A client never sees the value: plain, escaped, encoded, compressed, in heads, trailers, hints, errors, frames, and split anywhere.",
    source: "Docker Sandboxes CVE-2026-101998, agent-vault #258, OpenSandbox OSEP-0012; RFC 9110 §9.3.8 (TRACE)",
    cases: [...encoded, ...places],
  },
  {
    id: "P47",
    title: "compression bombs",
    rule: "What a compressed answer unfolds to is bounded; beyond that it breaks off, and nothing unsearched goes out.",
    source: "CWE-409; undici GHSA-g9mf-h72j-4rw9",
    alone: "a proxy that does not look into answers has nothing to unfold",
    cases: [bomb("gzip"), bomb("zstd"), bomb("deflate")],
  },
];
