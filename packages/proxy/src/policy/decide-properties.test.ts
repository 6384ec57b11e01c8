import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { decideOn, engine, identity } from "./decide.fixture.ts";
import type { ProxyTarget, SessionPolicy } from "./proxy-types.ts";

/** The network part of the decision once more, as plainly as it can be written, for hosts that are no addresses. */
function reference(policy: SessionPolicy, target: ProxyTarget, ruleHosts: readonly string[]): "reach" | "refuse" {
  const entryMatches = (entry: string, everyPort: boolean): boolean => {
    const [name = "", port] = entry.split(":");
    const isHost = name.startsWith("*.")
      ? target.host.endsWith(name.slice(1)) && target.host !== name.slice(2)
      : target.host === name;
    const isPort = port === undefined ? everyPort || [80, 443].includes(target.port) : Number(port) === target.port;
    return isHost && isPort;
  };
  if (policy.network === "none") return "refuse";
  if (policy.deny.some((entry) => entryMatches(entry, true))) return "refuse";
  if (
    target.host.endsWith("localhost") &&
    !policy.allow.some((entry) => !entry.startsWith("*") && entryMatches(entry, false))
  )
    return "refuse";
  if (ruleHosts.includes(target.host) && target.port === 443) return "reach";
  if (policy.allow.some((entry) => entryMatches(entry, false))) return "reach";
  return policy.network === "open" && [80, 443].includes(target.port) ? "reach" : "refuse";
}

describe("properties", () => {
  const names = fc.constantFrom(
    "a.example",
    "b.a.example",
    "c.b.a.example",
    "xa.example",
    "a.example.evil",
    "localhost",
    "x.localhost",
    "api.github.com",
    "github.com",
    "example",
  );
  const ports = fc.constantFrom(443, 80, 22, 8443);
  const entry = fc
    .tuple(fc.constantFrom("", "*."), names, fc.constantFrom("", ":443", ":8443", ":22"))
    .map((parts) => parts.join(""))
    .filter((text) => !text.startsWith("*.localhost") && !text.startsWith("*.example:") && text !== "*.example");
  const policies = fc.record({
    accessMode: fc.constant("read-write" as const),
    network: fc.constantFrom("open", "listed", "none"),
    allow: fc.array(entry, { maxLength: 3 }),
    deny: fc.array(entry, { maxLength: 2 }),
    isIsolated: fc.boolean(),
  });

  it("P07 P09 P10 the decision on a CONNECT is that of the plain reference", () => {
    const using = engine();
    fc.assert(
      fc.property(policies, names, ports, (policy, name, port) => {
        const target: ProxyTarget = { scheme: "tcp", host: name, port };
        const verdict = using.decideConnect(identity(policy), target);
        const isRule = ["api.github.com", "github.com"].includes(name) && port === 443;
        const expected = reference(policy, target, ["api.github.com", "github.com"]);
        expect(verdict.kind).toBe(expected === "refuse" ? "refuse" : isRule ? "intercept" : "tunnel");
      }),
      { numRuns: 800 },
    );
  });

  it("P24 a secret goes to its own host over HTTPS and nowhere else, whatever is sent", () => {
    const using = engine();
    const own = new Map([
      ["anthropic", "api.anthropic.com"],
      ["claude-oauth", "api.anthropic.com"],
      ["github", "github.com"],
      ["npm", "npm.example.com"],
    ]);
    const hosts = fc.constantFrom(
      "api.anthropic.com",
      "github.com",
      "npm.example.com",
      "evil.example",
      "1.1.1.1",
      "api.github.com",
    );
    const headers = fc.constantFrom(
      {},
      { authorization: "Bearer x" },
      { "x-api-key": "y" },
      { authorization: "Basic eDp5" },
    );
    const paths = fc.constantFrom(
      "/",
      "/v1/messages",
      "/acme/app.git/info/refs?service=git-upload-pack",
      "/a%2Fb",
      "/user",
    );
    fc.assert(
      fc.property(
        fc.tuple(fc.constantFrom("http", "https"), hosts, fc.constantFrom("", ":443", ":80", ":8443"), paths),
        headers,
        policies,
        ([scheme, name, port, path], extra, policy) => {
          const url = `${scheme}://${name}${port}${path}`;
          const verdict = decideOn(
            { url, headers: extra },
            { ...policy, allow: [...policy.allow, `${name}:8443`] },
            using,
          );
          if (verdict.kind === "refuse" || verdict.secret === undefined) return;
          expect(scheme).toBe("https");
          expect(["", ":443"]).toContain(port);
          expect([own.get(verdict.secret), verdict.secret === "github" ? "api.github.com" : undefined]).toContain(name);
        },
      ),
      { numRuns: 600 },
    );
  });
});
