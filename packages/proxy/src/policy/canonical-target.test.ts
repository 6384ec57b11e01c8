import { describe, expect, it } from "vitest";

import { foreignHosts, malformedMethods, malformedHeaders } from "../attacks/tables/messages.fixture.ts";
import { hostLikePaths, foreignForms, malformedQueries } from "../attacks/tables/paths.fixture.ts";
import {
  ambiguousAddresses,
  ambiguousAbsoluteForms,
  closedAddresses,
  nonAsciiTargets,
  malformedTargets,
  malformedAbsoluteForms,
} from "../attacks/tables/targets.fixture.ts";
import { createAddressPolicy } from "./address-policy.ts";
import { formatAuthority } from "./canonical-host.ts";
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

  it.each(ambiguousAddresses)("P02 the spelling %s is refused as ambiguous", (text) => {
    expect(connect(text)).toBe("403 address-ambiguous");
  });

  it.each(closedAddresses)("P02 the canonical form of %s is an address that is refused", (text) => {
    const target = parseConnectTarget(text);
    expect(isRefusal(target)).toBe(false);
    expect(addresses.check({ address: isRefusal(target) ? "" : target.host, port: 80 })?.code).toBe("address-denied");
  });

  it.each(malformedTargets)("P08 the target %j is refused before any policy", (text) => {
    expect(connect(text)).toBe("400 target-malformed");
  });

  it.each(nonAsciiTargets)("P02 the non-ASCII name %s is refused: A-labels are asked for", (text) => {
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

  it.each(foreignHosts)("P20 the Host headers %j are refused with 421", (values) => {
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

  it.each(foreignForms)("P23 %s %s inside a tunnel is refused", (method, target) => {
    expect(request({ method, target })).toBe("400 target-malformed");
  });

  it.each(hostLikePaths)("P23 the target %s, which URL parsers take for a host, is refused", (target) => {
    expect(request({ target })).toBe("400 path-ambiguous");
  });

  it("P23 a nested CONNECT is refused", () => {
    expect(request({ method: "CONNECT", target: "evil.example:443" })).toBe("400 nested-connect");
  });

  it.each(malformedMethods)("P42 the method %j is refused", (method) => {
    expect(request({ method })).toBe("400 method-malformed");
  });

  it.each(malformedHeaders)("P42 the header %j: %j is refused", (name, value) => {
    const headers = [
      { name: "Host", value: "api.github.com" },
      { name, value },
    ];
    expect(request({ headers })).toBe("400 header-malformed");
  });

  it.each(malformedQueries)("P42 the query in %j is refused", (target) => {
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

  it.each(malformedAbsoluteForms)("P23 the target %s is refused", (target) => {
    expect(own(target, "example.com")).toMatch(/^400 /);
  });

  it.each(ambiguousAbsoluteForms)("P02 absolute form %s is refused", (target) => {
    expect(own(target, "example.com")).toBe("403 address-ambiguous");
  });

  it("P20 a Host that is not the absolute form's is refused", () => {
    expect(own("http://example.com/", "evil.example")).toBe("421 host-mismatch");
    expect(own("http://example.com/", "example.com:443")).toBe("421 host-mismatch");
  });
});
