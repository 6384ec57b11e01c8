import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createAddressPolicy } from "./address-policy.ts";
import { formatAuthority } from "./canonical-host.ts";
import { canonicalPath, loosePath } from "./canonical-path.ts";
import { parseConnectTarget, parseRequestTarget, type RequestLine } from "./canonical-target.ts";
import type { ProxyTarget } from "./proxy-types.ts";
import { isRefusal } from "./refusal.ts";

const addresses = createAddressPolicy({ ownAddresses: () => new Set() });

function connect(text: string): string {
  const target = parseConnectTarget(text);
  return isRefusal(target) ? `${target.status} ${target.code}` : formatAuthority(target);
}

describe("CONNECT targets", () => {
  it.each([
    ["github.com:443", "github.com:443"],
    ["GitHub.COM:443", "github.com:443"],
    ["github.com.:443", "github.com:443"],
    ["registry-1.docker.io:443", "registry-1.docker.io:443"],
    ["_service.example:8443", "_service.example:8443"],
    ["xn--bcher-kva.example:443", "xn--bcher-kva.example:443"],
    ["1.1.1.1:443", "1.1.1.1:443"],
    ["[2606:4700:0:0:0:0:0:1111]:443", "[2606:4700::1111]:443"],
    ["[2606:4700::ABCD]:443", "[2606:4700::abcd]:443"],
  ])("%s is %s", (text, expected) => {
    expect(connect(text)).toBe(expected);
  });

  it.each([
    "0x7f000001:80",
    "0x7f.0.0.1:80",
    "2130706433:80",
    "127.1:80",
    "127.0.1:80",
    "0177.0.0.1:80",
    "127.000.000.001:80",
    "0:80",
    "00000000:80",
    "1.1.1.1.1:80",
    "256.0.0.1:80",
    "127.0.0.0x1:80",
    "example.0x:80",
    "example.1:80",
    "[fe80::1%25eth0]:80",
    "[fe80::1%eth0]:80",
    "[::1%25]:80",
  ])("P02 the spelling %s is refused as ambiguous", (text) => {
    expect(connect(text)).toBe("403 address-ambiguous");
  });

  it.each([
    "127.0.0.1:80",
    "127.0.0.1.:80",
    "[::1]:80",
    "[0:0:0:0:0:0:0:1]:80",
    "[::]:80",
    "[::ffff:127.0.0.1]:80",
    "[::ffff:7f00:1]:80",
    "[::FFFF:7F00:1]:80",
    "[64:ff9b::7f00:1]:80",
    "[::127.0.0.1]:80",
    "169.254.169.254:80",
    "[fd00:ec2::254]:80",
  ])("P02 the canonical form of %s is an address that is refused", (text) => {
    const target = parseConnectTarget(text);
    expect(isRefusal(target)).toBe(false);
    expect(addresses.check({ address: isRefusal(target) ? "" : target.host, port: 80 })?.code).toBe("address-denied");
  });

  it.each([
    "evil.example\0.github.com:443",
    "evil.example%00.github.com:443",
    "github.com\r\nX: y:443",
    "github.com\n:443",
    "github.com\t:443",
    " github.com:443",
    "github.com :443",
    "github.com: 443",
    "git hub.com:443",
    "github.com\\evil.example:443",
    "github.com/evil:443",
    "github.com?evil:443",
    "github.com#evil.example:443",
    "evil.example#.github.com:443",
    "user@github.com:443",
    "github.com@evil.example:443",
    "user:pass@github.com:443",
    "%67ithub.com:443",
    "github%2ecom:443",
    "github..com:443",
    ".github.com:443",
    "github.com..:443",
    ":443",
    ".:443",
    "github.com",
    "github.com:",
    "github.com:0",
    "github.com:0443",
    "github.com:65536",
    "github.com:443443",
    "github.com:+443",
    "github.com:-1",
    "github.com:0x1bb",
    "github.com:https",
    "github.com:443:443",
    "::1:443",
    "[::1:443",
    "::1]:443",
    "[[::1]]:443",
    "[::1]x:443",
    "[]:443",
    "[127.0.0.1]:80",
    "[github.com]:443",
    "[::ffff:127.1]:80",
    "[:::1]:80",
    "-github.com:443",
    "github-.com:443",
    "git*hub.com:443",
    "*.github.com:443",
    "http://github.com:443",
    "github.com:443/path",
    "",
    ":",
    `${"a".repeat(64)}.example:443`,
    `${"a.".repeat(130)}com:443`,
    "xn--\u0000.example:443",
    "xn--.example:443",
  ])("P08 the target %j is refused before any policy", (text) => {
    expect(connect(text)).toBe("400 target-malformed");
  });

  it.each([
    "①②⑦.0.0.1:80",
    "127。0。0。1:80",
    "ⓛocalhost:80",
    "ｇithub.com:443",
    "github．com:443",
    "gıthub.com:443",
    "bücher.example:443",
    "github.com\u00ad:443",
    "\u202egithub.com:443",
  ])("P02 the non-ASCII name %s is refused: A-labels are asked for", (text) => {
    expect(connect(text)).toBe("400 target-malformed");
  });

  it.each([
    ["github.com.evil:443", "github.com.evil:443"],
    ["evilgithub.com:443", "evilgithub.com:443"],
    ["github.com.evil.example:443", "github.com.evil.example:443"],
  ])("P09 %s stays what it is", (text, expected) => {
    expect(connect(text)).toBe(expected);
  });
});

const tunnel: ProxyTarget = { scheme: "tcp", host: "api.github.com", port: 443 };

function request(line: Partial<RequestLine>): string {
  const result = parseRequestTarget({
    method: "GET",
    target: "/user",
    headers: [{ name: "Host", value: "api.github.com" }],
    isUpgrade: false,
    tunnel,
    ...line,
  });
  if (isRefusal(result)) return `${result.status} ${result.code}`;
  const { target, path, query } = result;
  return `${target.scheme}://${formatAuthority(target)}${path}${query === "" ? "" : `?${query}`}`;
}

const host = (...values: readonly string[]): Pick<RequestLine, "headers"> => ({
  headers: values.map((value) => ({ name: "Host", value })),
});

describe("requests inside a tunnel", () => {
  it("P20 a request whose Host is the tunnel's is accepted in every equal spelling", () => {
    for (const value of ["api.github.com", "API.GitHub.com", "api.github.com:443", "api.github.com."]) {
      expect(request(host(value))).toBe("https://api.github.com:443/user");
    }
  });

  it.each([
    [["evil.example"]],
    [["api.github.com.evil.example"]],
    [["github.com"]],
    [["api.github.com:80"]],
    [["api.github.com:8443"]],
    [["api.github.com", "evil.example"]],
    [["api.github.com", "api.github.com"]],
    [["evil.example", "api.github.com"]],
    [["api.github.com, evil.example"]],
    [["api.github.com@evil.example"]],
    [["evil.example#api.github.com"]],
    [[""]],
    [["api.github.com\t"]],
  ])("P20 the Host headers %j are refused with 421", (values) => {
    expect(request(host(...values))).toBe("421 host-mismatch");
  });

  it("P20 a request without Host is refused", () => {
    expect(request({ headers: [] })).toBe("400 host-missing");
  });

  it("P20 a second Host in another case is seen", () => {
    const headers = [
      { name: "host", value: "api.github.com" },
      { name: "HOST", value: "evil.example" },
    ];
    expect(request({ headers })).toBe("421 host-mismatch");
  });

  it.each([
    ["GET", "https://evil.example/"],
    ["GET", "http://evil.example/"],
    ["GET", "https://api.github.com/user"],
    ["OPTIONS", "*"],
    ["GET", "api.github.com:443"],
    ["GET", "user"],
    ["GET", ""],
    ["GET", "?a=b"],
    ["GET", "/user#fragment"],
    ["GET", "/a?b#c"],
  ])("P23 %s %s inside a tunnel is refused", (method, target) => {
    expect(request({ method, target })).toBe("400 target-malformed");
  });

  it.each(["//evil.example/path", "//", "///", "/\\evil.example", "/\\/evil.example"])(
    "P23 the target %s, which URL parsers take for a host, is refused",
    (target) => {
      expect(request({ target })).toBe("400 path-ambiguous");
    },
  );

  it("P23 a nested CONNECT is refused", () => {
    expect(request({ method: "CONNECT", target: "evil.example:443" })).toBe("400 nested-connect");
  });

  it.each(["GET ", "G\0ET", "GE\rT", "", "GET/", "GËT", "A".repeat(33), "GET\u007f", "(GET)"])(
    "P42 the method %j is refused",
    (method) => {
      expect(request({ method })).toBe("400 method-malformed");
    },
  );

  it.each([
    ["x-a", "b\r\nX-Injected: 1"],
    ["x-a", "b\nc"],
    ["x-a", "b\0c"],
    ["x a", "b"],
    ["x-a:", "b"],
    ["", "b"],
    ["x\r\ny", "b"],
  ])("P42 the header %j: %j is refused", (name, value) => {
    const headers = [
      { name: "Host", value: "api.github.com" },
      { name, value },
    ];
    expect(request({ headers })).toBe("400 header-malformed");
  });

  it.each(["/a?b c", "/a?b\tc", "/a?b\u00e9", "/a?\0"])("P42 the query in %j is refused", (target) => {
    expect(request({ target })).toBe("400 query-malformed");
  });

  it("P44 a target beyond the limit is refused", () => {
    expect(request({ target: `/${"a".repeat(20_000)}` })).toBe("414 target-too-long");
  });

  it("the query is sent as it came", () => {
    expect(request({ target: "/search/code?q=a+b%20c%2fd&x=1|2{}" })).toBe(
      "https://api.github.com:443/search/code?q=a+b%20c%2fd&x=1|2{}",
    );
  });
});

describe("requests at the proxy's own port", () => {
  const own = (target: string, ...hosts: readonly string[]): string =>
    request({ target, tunnel: undefined, ...host(...hosts) });

  it.each([
    ["http://example.com/a?b", "example.com", "http://example.com:80/a?b"],
    ["HTTP://EXAMPLE.com./a", "example.com", "http://example.com:80/a"],
    ["http://example.com", "example.com", "http://example.com:80/"],
    ["http://example.com?x", "example.com", "http://example.com:80/?x"],
    ["http://example.com:8080/", "example.com:8080", "http://example.com:8080/"],
    ["https://example.com/a", "example.com", "https://example.com:443/a"],
    ["http://[2606:4700::1]/", "[2606:4700::1]", "http://[2606:4700::1]:80/"],
  ])("%s with Host %s is %s", (target, hostHeader, expected) => {
    expect(own(target, hostHeader)).toBe(expected);
  });

  it.each([
    "/user",
    "*",
    "ftp://example.com/",
    "ws://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "javascript:1",
    "example.com:80",
    "http:/example.com/",
    "http:example.com",
    "http:///example.com",
    "http:\\\\example.com\\",
    "http://user@example.com/",
    "http://user:pw@example.com/",
    "http://example.com:/",
    "http://example.com:0/",
    "http://example.com\\@evil.example/",
    "http://exa mple.com/",
    "http://example.com%2f@evil.example/",
  ])("P23 the target %s is refused", (target) => {
    expect(own(target, "example.com")).toMatch(/^400 /);
  });

  it.each(["http://127.1/", "http://0x7f000001/", "http://2130706433/", "http://0/", "http://[::1%25lo]/"])(
    "P02 absolute form %s is refused",
    (target) => {
      expect(own(target, "example.com")).toBe("403 address-ambiguous");
    },
  );

  it("P20 a Host that is not the absolute form's is refused", () => {
    expect(own("http://example.com/", "evil.example")).toBe("421 host-mismatch");
    expect(own("http://example.com/", "example.com:443")).toBe("421 host-mismatch");
  });
});

describe("paths", () => {
  const path = (raw: string): string => {
    const result = canonicalPath(raw);
    return isRefusal(result) ? String(result.status) : result;
  };

  it.each([
    ["/", "/"],
    ["/v1/messages", "/v1/messages"],
    ["/a/", "/a/"],
    ["/%61%2D%7e", "/a-~"],
    ["/@scope%2fname", "/@scope%2Fname"],
    ["/repos/o/r/branches/feature%2Fx", "/repos/o/r/branches/feature%2Fx"],
    ["/v1beta/models/gemini-3.8-flash:streamGenerateContent", "/v1beta/models/gemini-3.8-flash:streamGenerateContent"],
    ["/a.b/..c/c../.d", "/a.b/..c/c../.d"],
    ["/b%C3%BCcher", "/b%C3%BCcher"],
    ["/a|b{c}[d]", "/a%7Cb%7Bc%7D%5Bd%5D"],
    ["/100%25", "/100%25"],
    ["/a%20b", "/a%20b"],
    ["/a;v=1/b", "/a;v=1/b"],
  ])("P43 %s is sent as %s", (raw, expected) => {
    expect(path(raw)).toBe(expected);
  });

  it.each(
    [
      "/a/../b",
      "/a/./b",
      "/..",
      "/.",
      "/a/..",
      "/a/.",
      "/../a",
      "/./a",
      "/...",
      "/a/.../b",
      "/a/%2e%2e/b",
      "/a/%2E%2E/b",
      "/a/.%2e/b",
      "/a/%2e./b",
      "/%2e",
      "/a/%2e",
      "/a/..%2fb",
      "/a%2f..%2fb",
      "/a%2F..%2Fb",
      "/a/..%2Fb",
      "/%2e%2e%2fb",
      "/a%2f%2e%2e%2fb",
      "/a/..;/b",
      "/a/.;/b",
      "/a/..;x=1/b",
      "/a/.;x/b",
      "/a/%2e%2e;/b",
      "/a/..%3b/b",
      "/a/..%3Bx/b",
      "/a/%2e;/b",
      "/..;",
      "/.;x",
      "/a/;/b",
      "/a/;x",
      "/;x/a",
      "/a%5cb",
      "/a%5Cb",
      "/a\\b",
      "/a\\..\\b",
      "/a/..\\b",
      "/a/..%5cb",
      "/a%5c..%5cb",
      "/%252e%252e/b",
      "/a%252fb",
      "/%2565",
      "/%25%32%65",
      "/%25%32%46",
      "/a%255cb",
      "/%252525",
      "/%25252e",
      "//",
      "//a",
      "/a//b",
      "/a/b//",
      "///",
      "/a%2f",
      "/a%2f%2fb",
      "/%2f",
      "/%2fa",
      "/a/%2fb",
      "/a%2f/b",
      "/a%00b",
      "/%00",
      "/a%0ab",
      "/a%0d%0ab",
      "/a%09b",
      "/a%7fb",
      "/a%1bb",
      "/a%c2%80",
      "/%c0%ae%c0%ae/b",
      "/%c0%af",
      "/%e0%80%ae",
      "/%f0%80%80%ae",
      "/%ff",
      "/%c3",
      "/%c3%28",
      "/%ed%a0%80",
      "/%ef%bc%8e%ef%bc%8e/b",
      "/a%ef%bc%8fb",
      "/a%e2%81%84b/../c",
      "/%ef%bc%85%32%65",
      "/a%ef%bc%bcb",
      "/a%ef%bc%9bb",
      "/%e2%80%a5/b",
      "/%",
      "/%2",
      "/%zz",
      "/a%2",
      "/%u002e",
      "/a%g0",
      "/a b",
      "/a\tb",
      "/a\u0000b",
      "/a\u00e9",
      "/a\u202eb",
      "a",
      "",
      "a/b",
      "?",
      "/a#b",
      "/a?b",
      "\\a",
    ].map((raw) => [raw]),
  )("P43 %j can be read in two ways and is refused", (raw) => {
    expect(raw === "" ? "400" : path(raw)).toBe("400");
  });

  it.each([
    ["/V1/Tokens/", "/v1/tokens"],
    ["/v1;x=1/tokens;y", "/v1/tokens"],
    ["/v1%2Ftokens", "/v1/tokens"],
    ["/v1/tokens%3Fx", "/v1/tokens"],
    ["/v1/tokens%23", "/v1/tokens"],
    ["/", "/"],
  ])("P43 what forbids sees %s as %s", (canonical, expected) => {
    expect(loosePath(canonical)).toBe(expected);
  });
});

describe("properties", () => {
  const nasty = fc.constantFrom(
    "%2e",
    "%2E",
    "%2f",
    "%5c",
    "%25",
    "%00",
    "%c0%ae",
    ".",
    "..",
    "/",
    "//",
    ";",
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
  );
  const rawPath = fc
    .array(fc.oneof(nasty, fc.string({ maxLength: 3 })), { maxLength: 8 })
    .map((parts) => `/${parts.join("")}`);

  it("P43 an accepted path is stable, has no dot segment however often it is decoded, and is what a WHATWG URL keeps", () => {
    fc.assert(
      fc.property(rawPath, (raw) => {
        const result = canonicalPath(raw);
        if (isRefusal(result)) return;
        expect(canonicalPath(result)).toBe(result);
        expect(new URL(`https://h.example${result}`).pathname).toBe(result);
        let decoded = result;
        for (let round = 0; round < 3; round += 1) {
          decoded = decoded.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) =>
            String.fromCharCode(Number.parseInt(hex, 16)),
          );
          const segments = decoded.split(/[/\\]/).map((segment) => segment.split(";")[0]);
          expect(segments).not.toContain("..");
          expect(segments).not.toContain(".");
          expect(decoded.startsWith("//")).toBe(false);
        }
      }),
      { numRuns: 800 },
    );
  });

  const nastyHost = fc.constantFrom(
    "127",
    "0x7f",
    "0177",
    "1",
    "0",
    ".",
    ":",
    "[",
    "]",
    "::",
    "%",
    "@",
    "#",
    "\\",
    "/",
    "github",
    "com",
    "GitHub",
    "xn--",
    "ⓛ",
    "。",
    "\0",
    " ",
    "-",
    "_",
    "443",
  );
  const rawHost = fc
    .array(
      fc.oneof(
        nastyHost,
        fc.string({ maxLength: 2 }),
        fc.domain(),
        fc.ipV4(),
        fc.ipV6().map((text) => `[${text}]`),
      ),
      { maxLength: 5 },
    )
    .map((parts) => parts.join(""));

  it("P08 an accepted host is stable and is the one that a WHATWG URL sees", () => {
    fc.assert(
      fc.property(rawHost, (raw) => {
        const target = parseConnectTarget(`${raw}:8443`);
        if (isRefusal(target)) return;
        expect(parseConnectTarget(formatAuthority(target))).toEqual(target);
        const url = new URL(`http://${raw}:8443/`);
        const seen = url.hostname.replace(/\.$/, "");
        expect(seen).toBe(target.host.includes(":") ? `[${target.host}]` : target.host);
        expect(url.port).toBe("8443");
        expect(url.username + url.password + url.search + url.hash).toBe("");
      }),
      { numRuns: 800 },
    );
  });

  const anything = fc.array(fc.nat(0xffff), { maxLength: 30 }).map((codes) => String.fromCharCode(...codes));

  it("P08 nothing makes the parsers throw", () => {
    fc.assert(
      fc.property(anything, anything, fc.boolean(), (target, value, isInside) => {
        parseConnectTarget(target);
        parseRequestTarget({
          method: "GET",
          target: isInside ? `/${target}` : `http://${target}`,
          headers: [{ name: "host", value }],
          isUpgrade: false,
          tunnel: isInside ? tunnel : undefined,
        });
      }),
      { numRuns: 500 },
    );
  });
});
