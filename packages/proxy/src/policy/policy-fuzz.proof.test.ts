import { BlockList } from "node:net";

import fc from "fast-check";
import { expect, it } from "vitest";

import { canonicalPath } from "./canonical-path.ts";
import { parseConnectTarget, parseRequestTarget } from "./canonical-target.ts";
import { decideOn, engine, identity } from "./decide.fixture.ts";
import { isRefusal } from "./refusal.ts";

const runs = 25_000;
const bytes = fc.array(fc.nat(0xff), { maxLength: 24 }).map((codes) => String.fromCharCode(...codes));

const hostPart = fc.constantFrom(
  "127",
  "0x7f",
  "0177",
  "2130706433",
  "1",
  "0",
  "10",
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
  "api.github.com",
  "GitHub.com",
  "evil",
  ".example",
  "xn--",
  "ⓛ",
  "。",
  "\0",
  " ",
  "-",
  "443",
  "localhost",
  "metadata.google.internal",
);
const hostText = fc
  .array(fc.oneof(hostPart, fc.domain(), fc.ipV4(), fc.ipV6(), bytes), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(""));
const portText = fc.constantFrom(":443", ":80", ":22", ":0", ":", "", ":65536", ":0443", ":+1");

/** Addresses that nobody reaches by default, kept apart from the policy's own list. */
const closed = new BlockList();
for (const cidr of [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "224.0.0.0/3",
]) {
  const [net = "", bits] = cidr.split("/");
  closed.addSubnet(net, Number(bits), "ipv4");
}

/** What a plain reading of the rules says of an accepted target with an open network: a rule's host, a public host, or nothing. */
function reference(host: string, port: number): "intercept" | "tunnel" | "refuse" {
  const names = [
    "localhost",
    "localhost.localdomain",
    "ip6-localhost",
    "ip6-loopback",
    "instance-data",
    "kubernetes",
    "metadata.goog",
    "metadata.google.internal",
  ];
  if (names.includes(host) || host.endsWith(".localhost") || host.endsWith(".local")) return "refuse";
  if (/^[\d.]+$/.test(host) && (closed.check(host, "ipv4") || host === "168.63.129.16")) return "refuse";
  if (host.includes(":") && !/^[23]/.test(host) && !host.startsWith("64:ff9b::") && !host.startsWith("::ffff:"))
    return "refuse";
  if (["api.github.com", "github.com"].includes(host) && port === 443) return "intercept";
  return port === 443 || port === 80 ? "tunnel" : "refuse";
}

it("P02 P07 P08 P09 25,000 CONNECT targets: accepted ones are what a URL sees, and decided on as the plain reference does", () => {
  const using = engine();
  const who = identity({ network: "open" });
  let accepted = 0;
  fc.assert(
    fc.property(hostText, portText, (host, port) => {
      const target = parseConnectTarget(host + port);
      if (isRefusal(target)) {
        expect([400, 403]).toContain(target.status);
        return;
      }
      accepted += 1;
      const seen = new URL(`http://${host}${port}/`).hostname.replace(/\.$/, "").replace(/^\[(.*)\]$/, "$1");
      expect(target.host).toBe(seen);
      const isSpecialIpv6 = /^(?:::ffff:|64:ff9b:|2001:|2002:|3fff?:|2001$)/.test(target.host);
      const verdict = using.decideConnect(who, target).kind;
      if (!isSpecialIpv6) expect(verdict).toBe(reference(target.host, target.port));
    }),
    { numRuns: runs },
  );
  expect(accepted).toBeGreaterThan(runs / 50);
});

it("P43 25,000 paths: accepted ones are stable and mean the same however often they are decoded", () => {
  const part = fc.constantFrom(
    "%2e",
    "%2E",
    "%2f",
    "%5c",
    "%25",
    "%3b",
    "%3f",
    "%00",
    "%c0%ae",
    "%ef%bc%8f",
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
    "%",
    "a",
    "B",
    "~",
    "%7e",
    "é",
    "[",
    "|",
    " ",
    "\0",
    "%252e",
    "%u002e",
  );
  const raw = fc.array(fc.oneof(part, bytes), { maxLength: 8 }).map((parts) => `/${parts.join("")}`);
  fc.assert(
    fc.property(raw, (text) => {
      const path = canonicalPath(text);
      if (typeof path !== "string") return;
      expect(canonicalPath(path)).toBe(path);
      expect(new URL(`https://h.example${path}`).pathname).toBe(path);
      let decoded = path;
      for (let round = 0; round < 4; round += 1) {
        decoded = decoded.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) =>
          String.fromCharCode(Number.parseInt(hex, 16)),
        );
        const segments = decoded.split(/[/\\]/).map((segment) => segment.replace(/;.*/s, ""));
        expect(segments).not.toContain("..");
        expect(segments).not.toContain(".");
        // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
        expect(decoded).not.toMatch(/[\0\r\n]/);
      }
    }),
    { numRuns: runs },
  );
});

it("P20 P23 P42 25,000 requests: none is accepted for another host than its tunnel's, and nothing throws", () => {
  const target = fc.oneof(
    bytes,
    fc.webUrl(),
    fc.constantFrom("/", "/a?b", "*", "//evil.example/", "https://evil.example/", "/\\evil.example"),
    bytes.map((text) => `/${text}`),
  );
  const header = fc.record({
    name: fc.constantFrom("host", "Host", "HOST", "x-a", "a b", ""),
    value: fc.oneof(
      fc.constantFrom("api.github.com", "API.github.com:443", "evil.example", "api.github.com.evil"),
      bytes,
    ),
  });
  fc.assert(
    fc.property(
      fc.oneof(fc.constantFrom("GET", "POST", "CONNECT", "get", "G T"), bytes),
      target,
      fc.array(header, { maxLength: 3 }),
      (method, text, headers) => {
        const request = parseRequestTarget({
          method,
          target: text,
          headers,
          isUpgrade: false,
          tunnel: { scheme: "tcp", host: "api.github.com", port: 443 },
        });
        if (isRefusal(request)) return;
        expect(request.target).toEqual({ scheme: "https", host: "api.github.com", port: 443 });
        expect(headers.filter(({ name }) => name.toLowerCase() === "host")).toHaveLength(1);
        expect(request.path.startsWith("/") && !request.path.startsWith("//")).toBe(true);
        expect(`${method}${request.path}${request.query}`).toMatch(/^[\u0021-\u007e]+$/);
      },
    ),
    { numRuns: runs },
  );
});

it("P24 P50 P51 25,000 decisions: a secret leaves for its own host over HTTPS alone, and a read-only session writes nowhere", () => {
  const using = engine();
  const owners: Readonly<Record<string, RegExp>> = {
    anthropic: /^api\.anthropic\.com$/,
    "claude-oauth": /^api\.anthropic\.com$/,
    github: /(?:^|\.)(?:github\.com|githubusercontent\.com)$/,
    npm: /^npm\.example\.com$/,
    openai: /^api\.openai\.com$/,
    sentry: /\.sentry\.example$/,
  };
  const hosts = fc.constantFrom(
    "api.anthropic.com",
    "github.com",
    "api.github.com",
    "npm.example.com",
    "api.openai.com",
    "eu.sentry.example",
    "sentry.example",
    "evil.example",
    "1.1.1.1",
  );
  const methods = fc.constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "post", "PROPFIND", "OPTIONS");
  const paths = fc.constantFrom(
    "/",
    "/v1/messages",
    "/v1/files",
    "/a/b.git/git-upload-pack",
    "/a/b.git/git-receive-pack",
    "/a/b.git/info/refs?service=git-upload-pack",
    "/a/b.git/info/refs?service=git-receive-pack",
    "/graphql",
    "/repos/a/b/contents/c",
    "/api/0",
    "/left-pad",
    "/-/npm/v1/tokens",
  );
  const policy = fc.record({
    accessMode: fc.constantFrom("read-only", "read-write"),
    network: fc.constantFrom("open", "listed", "none"),
    isIsolated: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.tuple(fc.constantFrom("http", "https"), hosts, fc.constantFrom("", ":443", ":80", ":8443"), paths),
      methods,
      policy,
      ([scheme, host, port, path], method, session) => {
        const verdict = decideOn(
          { url: `${scheme}://${host}${port}${path}`, method },
          { ...session, allow: [`${host}:8443`] },
          using,
        );
        if (verdict.kind === "refuse") return;
        expect(session.network).not.toBe("none");
        if (verdict.secret !== undefined) {
          expect(scheme).toBe("https");
          expect(["", ":443"]).toContain(port);
          expect(host).toMatch(owners[verdict.secret] ?? /^$/);
        }
        if (session.accessMode === "read-write") return;
        const isModel = path === "/v1/messages" && host === "api.anthropic.com";
        const isFetch = path.endsWith("/git-upload-pack");
        const isApi = /^(?:api|npm)\./.test(host) && verdict.rule !== undefined;
        const isRead = ["GET", "HEAD", "OPTIONS"].includes(method) && (isApi || !path.includes("receive-pack"));
        expect(isRead || (method === "POST" && (isModel || isFetch || verdict.bodyCheck !== undefined))).toBe(true);
      },
    ),
    { numRuns: runs },
  );
});
