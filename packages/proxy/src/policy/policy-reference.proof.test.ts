import fc from "fast-check";
import { expect, it } from "vitest";

import { fuzzRuns } from "../attacks/report/fuzzed-inputs.fixture.ts";
import { canonicalPath } from "./canonical-path.ts";
import { parseConnectTarget, parseRequestTarget } from "./canonical-target.ts";
import { decideOn } from "./decide.fixture.ts";
import { createPolicyEngine } from "./decide.ts";
import { referenceDecision, referenceRules } from "./decision-reference.fixture.ts";
import { referencePath, referenceRequest, referenceTarget } from "./parse-reference.fixture.ts";
import { isRefusal } from "./refusal.ts";

const bytes = fc.array(fc.nat(0xff), { maxLength: 12 }).map((codes) => String.fromCharCode(...codes));
const characters = fc.array(fc.nat(0xffff), { maxLength: 6 }).map((codes) => String.fromCharCode(...codes));
const joined = (parts: readonly string[]): string => parts.join("");

const hostPiece = fc.constantFrom(
  "127",
  "0x7f",
  "0177",
  "2130706433",
  "1",
  "0",
  "10",
  "256",
  "169.254.169.254",
  "192.168.0.1",
  ".",
  "..",
  ":",
  "[",
  "]",
  "::",
  "::1",
  "::ffff:",
  "64:ff9b::",
  "%25",
  "%",
  "@",
  "#",
  "\\",
  "/",
  "?",
  "github.com",
  "GitHub.com",
  "evil",
  ".example",
  "xn--",
  "xn--bcher-kva",
  "xn--a",
  "ⓛ",
  "。",
  "\0",
  " ",
  "-",
  "_",
  "443",
  "localhost",
  "\r\n",
);
const host = fc.oneof(
  { weight: 3, arbitrary: fc.array(fc.oneof(hostPiece, fc.domain(), bytes), { maxLength: 4 }).map(joined) },
  fc.domain(),
  fc.ipV4(),
  fc.ipV4Extended(),
  fc.ipV6().map((text) => `[${text}]`),
  fc.ipV6(),
  characters,
);
const port = fc.constantFrom(
  ":443",
  ":80",
  ":22",
  ":0",
  ":",
  "",
  ":65535",
  ":65536",
  ":0443",
  ":+1",
  ":4 4",
  ":443443",
  ":٣",
);

it("P02 P08 100,000 targets of CONNECT are read as the plain reference reads them", () => {
  let accepted = 0;
  fc.assert(
    fc.property(host, port, (name, suffix) => {
      const target = parseConnectTarget(name + suffix);
      const expected = referenceTarget(name + suffix);
      if (isRefusal(target))
        expect({ refused: name + suffix, expected }).toEqual({ refused: name + suffix, expected: undefined });
      else {
        accepted += 1;
        expect({ host: target.host, port: target.port }).toEqual(expected);
      }
    }),
    { numRuns: fuzzRuns, examples: [["-192.168.0.1", ":443"]] },
  );
  expect(accepted).toBeGreaterThan(fuzzRuns / 20);
});

const pathPiece = fc.constantFrom(
  "%2e",
  "%2E",
  "%2f",
  "%5c",
  "%25",
  "%3b",
  "%3f",
  "%23",
  "%00",
  "%0a",
  "%7f",
  "%c2%85",
  "%c0%ae",
  "%ef%bc%8f",

  "%ef%bb%bf",
  "%e2%80%a5",
  "%C3%BC",
  "%41",
  "%7e",
  "%zz",
  "%4",
  "%",
  ".",
  "..",
  "...",
  "/",
  "//",
  ";",
  ";x=1",
  "\\",
  "?",
  "#",
  "@",
  ":",
  "a",
  "B",
  "~",
  "é",
  "[",
  "|",
  '"',
  "<",
  " ",
  "\0",
  "%252e",
  "%u002e",
  "-",
  "+",
  "!",
);
const path = fc.array(fc.oneof(pathPiece, bytes), { maxLength: 7 }).map((parts) => `/${joined(parts)}`);

it("P43 100,000 paths are accepted and written as the plain reference does", () => {
  let accepted = 0;
  fc.assert(
    fc.property(path, (raw) => {
      const result = canonicalPath(raw);
      const text = typeof result === "string" ? result : undefined;
      if (text !== undefined) accepted += 1;
      expect({ raw, text }).toEqual({ raw, text: referencePath(raw) });
    }),
    { numRuns: fuzzRuns },
  );
  expect(accepted).toBeGreaterThan(fuzzRuns / 50);
});

const tunnel = { scheme: "tcp", host: "api.github.com", port: 443 } as const;
const hostLine = fc.oneof(
  { weight: 6, arbitrary: fc.constant("api.github.com") },
  fc.constantFrom(
    "API.github.com:443",
    "api.github.com.",
    "evil.example",
    "example.com",
    "example.com:80",
    "api.github.com:80",
    "",
  ),
  host,
);
const requestTarget = fc.oneof(
  { weight: 3, arbitrary: path },
  fc.tuple(path, characters).map(([text, query]) => `${text}?${query}`),
  fc.tuple(fc.constantFrom("http://", "https://", "HTTP://", "ftp://", "//"), hostLine, port, path).map(joined),
  fc.constantFrom(
    "*",
    "",
    "/",
    "http://example.com",
    "http://example.com?a",
    "http://api.github.com/",
    "example.com:443",
  ),
  bytes,
);
const method = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("GET", "POST", "get", "M-SEARCH") },
  fc.constantFrom("CONNECT", "G T", "", "A".repeat(33), "GÉT", "GET\0"),
  bytes,
);

it("P20 P23 P42 100,000 requests are read as the plain reference reads them, inside a tunnel and outside", () => {
  let accepted = 0;
  const hosts = fc.oneof({ weight: 5, arbitrary: fc.tuple(hostLine) }, fc.array(hostLine, { maxLength: 2 }));
  fc.assert(
    fc.property(fc.tuple(method, requestTarget), hosts, fc.boolean(), ([verb, target], lines, isInside) => {
      const headers = lines.map((value) => ({ name: "Host", value }));
      const within = isInside ? tunnel : undefined;
      const request = parseRequestTarget({ method: verb, target, headers, isUpgrade: false, tunnel: within });
      const expected = referenceRequest({ method: verb, target, hosts: lines, ...(isInside ? { tunnel } : {}) });
      const read = isRefusal(request)
        ? undefined
        : `${request.target.scheme}://${request.target.host}:${request.target.port}${request.path}?${request.query}`;
      if (read !== undefined) accepted += 1;
      expect({ verb, target, lines, read }).toEqual({ verb, target, lines, read: expected });
    }),
    { numRuns: fuzzRuns },
  );
  expect(accepted).toBeGreaterThan(fuzzRuns / 50);
});

const hosts = ["api.a.example", "x.wild.example", "wild.example", "evilwild.example", "files.example", "reads.example"];
const others = ["port.example", "other.example", "localhost", "printer.local", "api.a.example.evil"];
const entry = fc
  .tuple(
    fc.constantFrom("", "*."),
    fc.constantFrom(...hosts, ...others, "a.example"),
    fc.constantFrom("", ":443", ":8443", ":80"),
  )
  .map(joined);
const placeholder = fc.constantFrom(
  "x",
  "Bearer x",
  ...referenceRules.map((rule) => `Bearer ${rule.placeholder ?? "y"}`),
);

it("P07 P09 P24 P29 P51 100,000 decisions are those of the plain reference", () => {
  const seen = new Map<string, number>();
  const asked = fc.record({
    scheme: fc.constantFrom("http", "https", "https", "https"),
    host: fc.constantFrom(...hosts, ...others),
    port: fc.constantFrom(443, 443, 443, 80, 8443, 22),
    path: fc.constantFrom("/", "/api", "/api/x", "/apix", "/API/x", "/api/a%2Fb", "/x/api/y", "/login-stand-in"),
    method: fc.constantFrom("GET", "POST", "HEAD", "OPTIONS", "DELETE", "get"),
    headers: fc.dictionary(fc.constantFrom("x-api-key", "authorization", "x-other"), placeholder, { maxKeys: 2 }),
  });
  const policy = fc.record({
    accessMode: fc.constantFrom("read-write", "read-only"),
    network: fc.constantFrom("open", "listed", "listed", "none"),
    allow: fc.array(entry, { maxLength: 3 }),
    deny: fc.array(entry, { maxLength: 1 }),
    isIsolated: fc.boolean(),
  });
  const names = fc.subarray(["key", "login", "wild", "reads", "port"]);
  fc.assert(
    fc.property(asked, policy, names, (question, session, stored) => {
      const secrets = new Set(stored);
      const using = createPolicyEngine({ rules: referenceRules, secrets });
      const url = `${question.scheme}://${question.host}:${question.port}${question.path}`;
      const verdict = decideOn({ url, method: question.method, headers: question.headers }, session, using);
      const decision =
        verdict.kind === "refuse"
          ? `${verdict.refusal.status} ${verdict.refusal.code}`
          : verdict.secret === undefined
            ? `forward${verdict.dropsCredentials === true ? " drops" : ""}`
            : `inject ${verdict.secret}`;
      seen.set(decision, (seen.get(decision) ?? 0) + 1);
      expect({ question, session, stored, decision }).toEqual({
        question,
        session,
        stored,
        decision: referenceDecision(question, { policy: session, secrets }),
      });
    }),
    { numRuns: fuzzRuns },
  );
  // Every kind of decision was among them.
  expect([...seen.keys()].length).toBeGreaterThanOrEqual(14);
  expect(Math.min(...seen.values())).toBeGreaterThan(10);
});
