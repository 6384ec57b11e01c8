import type { AttackCase, AttackGroup, WireCase } from "../harness/attack-case.fixture.ts";
import { latePath } from "../harness/attack-upstreams.fixture.ts";
import { ruledHost } from "../harness/attack-world.fixture.ts";
import { malformedHttp2 } from "../tables/http2.fixture.ts";
import {
  ambiguousChunks,
  ambiguousMessages,
  malformedHeaders,
  malformedMethods,
  oversizedHeads,
} from "../tables/messages.fixture.ts";
import { ambiguousPaths, malformedQueries } from "../tables/paths.fixture.ts";
import { foreignUpgrades, upgradeRequest, webSocketLines } from "../tables/upgrades.fixture.ts";
import { floods, slowClients } from "./parsing-scenarios.fixture.ts";

const inside = (what: string, send: string, sees: WireCase["sees"]): WireCase => ({ what, way: "tunnel", send, sees });
/** Where something may go up, but never this. */
const never = (pattern: RegExp, attack: WireCase): WireCase => ({ ...attack, never: pattern });
const get = (target: string, headers = ""): string => `GET ${target} HTTP/1.1\r\nHost: TARGET\r\n${headers}\r\n`;
const chunks = (body: string, headers = "Transfer-Encoding: chunked"): string =>
  `POST /a HTTP/1.1\r\nHost: TARGET\r\n${headers}\r\n\r\n${body}`;
const late = (message: string): string => message.replace(" /a ", ` ${latePath} `);
/** A client that is still sending may lose the answer with the connection. */
const cutOff = /^(?:431|closed)/u;
const hidden = "GET /smuggled HTTP/1.1\r\nHost: TARGET\r\n\r\n";

/** How bytes become requests. */
export const parsingGroups: readonly AttackGroup[] = [
  {
    id: "P40",
    title: "request smuggling",
    rule: "A message that two readers can end in two places is a 400, and its connection ends.",
    source:
      "RFC 9112 §6.3, §11.2; llhttp CVE-2022-32213 to -32215, -35256, CVE-2024-27982, CVE-2025-23167; mitmproxy CVE-2021-39214, CVE-2022-24766; GHSA-847f-9342-265h",
    cases: [
      ...ambiguousMessages.map(([name, message]) => inside(name, message, "400")),
      ...ambiguousChunks.map(([name, body]) =>
        // The head of a body that turns out to be none is on its way by then; its end must never be.
        never(/\r\n0\r\n\r\n/u, inside(`chunks with ${name}`, late(chunks(body)), /^(?:400|502|closed)/u)),
      ),
      ...[
        ["a tab before the colon", chunks("0\r\n\r\n", "Transfer-Encoding\t: chunked")],
        ["a coding in quotes", chunks("0\r\n\r\n", 'Transfer-Encoding: "chunked"')],
        ["a coding with a vertical tab", chunks("0\r\n\r\n", "Transfer-Encoding: \u000bchunked")],
        ["a coding with parameters", chunks("0\r\n\r\n", "Transfer-Encoding: chunked;q=1")],
        ["identity and a length", chunks("hello", "Transfer-Encoding: identity\r\nContent-Length: 5")],
        ["an empty coding", chunks("hello", "Transfer-Encoding:\r\nContent-Length: 5")],
        ["an empty length", chunks("hello", "Content-Length:")],
        ["a length with letters", chunks("hello", "Content-Length: 5a")],
        ["a length beyond all numbers", chunks("hello", "Content-Length: 99999999999999999999")],
        ["a length in quotes", chunks("hello", 'Content-Length: "5"')],
        ["a length folded", chunks("hello", "Content-Length:\r\n 5")],
        ["a first line behind a space", ` ${get("/a")}`],
        ["a version in small letters", "GET /a http/1.1\r\nHost: TARGET\r\n\r\n"],
        ["tabs for spaces", "GET\t/a\tHTTP/1.1\r\nHost: TARGET\r\n\r\n"],
      ].map(([name = "", message = ""]) => inside(name, message, "400")),
      never(
        /\/b|evil/u,
        inside(
          "a request behind the last chunk",
          `${chunks("0\r\n\r\n")}GET /b HTTP/1.1\r\nHost: evil.test\r\n\r\n`,
          /./u,
        ),
      ),
      never(/ {2}/u, inside("two spaces, which go up as one", "GET  /a HTTP/1.1\r\nHost: TARGET\r\n\r\n", "200")),
      never(
        // Written anew, as a request of its own, it would have its Host line first.
        /GET \/smuggled HTTP\/1\.1\r\nhost: /u,
        inside(
          "a request inside a body of the length that was said",
          chunks(hidden, `Content-Length: ${hidden.replace("TARGET", ruledHost).length}`),
          /./u,
        ),
      ),
    ],
  },
  {
    id: "P41",
    title: "upgrades",
    rule: "WebSocket 13 in the form of its RFC, or 400; what follows goes up only behind a 101.",
    source:
      "Pingora CVE-2026-2833, aiohttp CVE-2026-69243, Netty CVE-2026-59898, h2csmuggler, OpenShell #1967; RFC 6455 §4.1",
    cases: [
      ...foreignUpgrades.map(([name, send]) => inside(name, send, /^4(?:00|21)/u)),
      {
        what: "a request behind an upgrade that the upstream refuses",
        way: "tunnel",
        send: `${upgradeRequest(webSocketLines)}GET /smuggled HTTP/1.1\r\nHost: evil.test\r\n\r\n`,
        answer: ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno"],
        never: /smuggled|evil/u,
        sees: "200",
      },
      {
        what: "a request behind an upgrade that is answered 426",
        way: "tunnel",
        send: `${upgradeRequest(webSocketLines)}GET /smuggled HTTP/1.1\r\nHost: TARGET\r\n\r\n`,
        answer: ["HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno"],
        never: /smuggled/u,
        sees: "426",
      },
    ],
  },
  {
    id: "P42",
    title: "control characters",
    rule: "No CR, LF or NUL goes anywhere: method, target, names, values; nothing is split by what a client sends.",
    source: "undici GHSA-3cvr-822r-rqcc, CVE-2026-1527; RFC 9110 §5.5",
    cases: [
      ...malformedMethods
        // A space behind a method is one before the target.
        .filter((method) => !/ $|^$/u.test(method))
        .map((method) =>
          inside(`the method ${JSON.stringify(method)}`, `${method} /a HTTP/1.1\r\nHost: TARGET\r\n\r\n`, "400"),
        ),
      ...malformedHeaders
        // On the wire these are two lines, or a value that begins with a colon.
        .filter(([name, value]) => !/\r\n|:/u.test(name + value))
        .map(([name, value]) =>
          inside(
            `the header ${JSON.stringify(name)}: ${JSON.stringify(value)}`,
            get("/a", `${name}: ${value}\r\n`),
            "400",
          ),
        ),
      ...malformedQueries.map((target) => inside(`the target ${JSON.stringify(target)}`, get(target), "400")),
      ...["/a?b=%0d%0aX-Injected:%201", "/a%0d%0aX-Injected:%201", "/a%00b"].map((target) =>
        never(/\nX-Injected|\0/iu, inside(`the target ${target}`, get(target), /^(?:200|400)/u)),
      ),
    ],
  },
  {
    id: "P43",
    title: "paths that are read in two ways",
    rule: "The path that is decided on is the path that is sent, in one form; what servers read differently is refused.",
    source: "OpenShell CVE-2026-100971, nono #528, Envoy CVE-2021-29492; RFC 3986 §5.2.4, §6.2.2",
    cases: ambiguousPaths
      // A space ends the target, a `?` or `#` the path: other cases.
      .filter((path) => path.startsWith("/") && !/[? \0]/u.test(path))
      .map((path) => inside(`GET ${JSON.stringify(path)}`, get(path), "400")),
  },
  {
    id: "P44",
    title: "sizes",
    rule: "64 KiB and 100 lines of head, 8 KiB of target; more is a 431. Bodies are streams.",
    source: "CWE-770; node CVE-2018-12121",
    cases: [
      ...oversizedHeads.map(([name, message]) => inside(name, message, "431")),
      inside("a header line of 1 MiB", get("/a", `X-A: ${"a".repeat(1 << 20)}\r\n`), cutOff),
      inside("10,000 header lines", get("/a", "A: b\r\n".repeat(10_000)), cutOff),
      inside("a cookie of 70 KiB", get("/a", `Cookie: ${"a".repeat(70_000)}\r\n`), "431"),
      {
        what: "a CONNECT to a host of 9 KiB",
        way: "connect",
        target: `${"a".repeat(9000)}.test:443`,
        sees: /^4(?:00|31)/u,
      },
    ],
  },
  {
    id: "P45",
    title: "slow clients",
    rule: "A head has 10 s, TLS has 10 s; who drips is told and closed, others are served meanwhile.",
    source: "Slowloris (CWE-400); node nodejs/node#41263 (limits not enforced on inner servers)",
    alone: "the limits are the proxy's own settings",
    cases: slowClients,
  },
  {
    id: "P46",
    title: "HTTP/2",
    rule: "What is malformed in HTTP/2 or for another authority reaches nothing; floods end their connection and no other.",
    source: "CVE-2023-44487, CVE-2024-27983, CVE-2026-21714; RFC 9113 §8.2, §8.3",
    cases: [
      ...malformedHttp2.map(([name, lines]): AttackCase => ({
        what: name,
        way: "http2",
        lines,
        sees: /^h2 (?:answered|reset|closed)/u,
      })),
      ...floods,
    ],
  },
];
