import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { pathGlob } from "../policy/path-glob.ts";
import { createRuleTable } from "../policy/rule-table.ts";
import { knownSecrets } from "../secrets/known-secrets.ts";
import { npmRules } from "./package-registries.ts";
import { doGlobsOverlap } from "./rule-overlap.ts";
import { shippedRules } from "./shipped-rules.ts";

const rules = shippedRules({ npmrc: "registry=https://npm.example.com/", registries: { "docker.io": "me" } });

describe("shipped rules", () => {
  it.each(rules.map((rule) => [rule.id, rule] as const))(
    "%s is whole: a host, a secret that is known, what it removes, and a source",
    (_, rule) => {
      expect(() => createRuleTable([rule])).not.toThrow();
      expect(rule.sources).not.toHaveLength(0);
      expect(rule.inject === undefined).toBe(rule.secret === undefined);
      if (rule.inject === undefined) return;
      expect(knownSecrets.map(({ name }) => name)).toContain(rule.secret);
      expect(rule.placeholder).toMatch(/clauderon-[\w.-]+-placeholder$/);
      expect(rule.credentialHeaders).toContain("authorization");
      if (rule.inject.kind === "header") expect(rule.credentialHeaders).toContain(rule.inject.name);
    },
  );

  it("ids are unique, and no placeholder is part of another", () => {
    expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
    const placeholders = [...new Set(rules.flatMap(({ placeholder }) => placeholder ?? []))];
    for (const one of placeholders) expect(placeholders.filter((other) => other.includes(one))).toEqual([one]);
  });

  it("one placeholder stands for one secret", () => {
    const pairs = new Set(
      rules.flatMap(({ placeholder, secret }) => (placeholder === undefined ? [] : [`${placeholder} ${secret}`])),
    );
    expect(pairs.size).toBe(new Set([...pairs].map((pair) => pair.split(" ")[0])).size);
  });
});

describe("container registries", () => {
  const named = (registries: NonNullable<Parameters<typeof shippedRules>[0]>["registries"]): readonly string[] =>
    shippedRules({ registries })
      .filter(({ protocol, host }) => protocol === "container-registry" && host.endsWith(".example"))
      .map(({ id, host, port, paths, secret, inject }) =>
        [id, `${host}:${port ?? 443}`, paths?.length ?? "-", secret ?? "-", inject?.kind ?? "-"].join(" "),
      );

  it("the login goes to the registry's own API and usual token paths, or to the one token service that is named", () => {
    expect(
      named({
        "a.example": "me",
        "a.example:8443": "me",
        "b.example": { username: "me", secret: "b", tokenUrl: "https://auth.example/jwt/auth" },
        "c.example": { username: "me", tokenUrl: "https://c.example/own" },
      }),
    ).toEqual([
      "registry-a.example-token a.example:443 9 registry-a.example basic",
      "registry-a.example a.example:443 1 registry-a.example basic",
      "registry-a.example-8443-token a.example:8443 9 registry-a.example-8443 basic",
      "registry-a.example-8443 a.example:8443 1 registry-a.example-8443 basic",
      "registry-b.example-token auth.example:443 1 b basic",
      "registry-b.example b.example:443 - - -",
      "registry-c.example-token c.example:443 1 registry-c.example basic",
      "registry-c.example c.example:443 1 registry-c.example basic",
    ]);
  });

  it("tokens are good at their own registry alone", () => {
    const all = shippedRules({ registries: { "docker.io": "me", "a.example:8443": "me" } });
    expect(all.flatMap(({ id, tokenAnswer }) => tokenAnswer?.hosts?.map((host) => `${id} ${host}`) ?? [])).toEqual([
      "docker-hub-token registry-1.docker.io",
      "ghcr-token ghcr.io",
      "registry-a.example-8443-token a.example:8443",
    ]);
  });
});

describe("npm", () => {
  const hosts = (npmrc: string): readonly (readonly [string, string | undefined])[] =>
    npmRules(npmrc).map(({ host, secret }) => [host, secret]);

  it.each([
    ["", []],
    ["registry=https://npm.example.com/\n", [["npm.example.com", "npm"]]],
    ["registry = https://npm.corp.example/api/npm/\n", [["npm.corp.example", "npm"]]],
    ["@acme:registry=https://npm.pkg.github.com", [["npm.pkg.github.com", "npm-npm.pkg.github.com"]]],
    [
      "registry=http://plain.example/\nregistry=javascript:1\n# registry=https://x.example\n//npm.example.com/:_authToken=${NPM_TOKEN}",
      [["npm.example.com", "npm"]],
    ],
    [
      "registry=https://a.example/\nregistry=https://b.example/",
      [
        ["b.example", "npm"],
        ["a.example", "npm-a.example"],
      ],
    ],
    [
      "registry=https://mirror.example/\n//npm.example.com/:_authToken=${NPM_TOKEN}",
      [
        ["mirror.example", "npm-mirror.example"],
        ["npm.example.com", "npm"],
      ],
    ],
    ["//npm.corp.example/api/:_authToken=${NPM_TOKEN}", [["npm.corp.example", "npm"]]],
    ['registry="https://quoted.example/"', [["quoted.example", "npm"]]],
  ])("P24 with %j each registry has a secret of its own", (npmrc, expected) => {
    expect(hosts(npmrc)).toEqual(expected);
  });
});

it("P24 an npm registry below a path gets its token there alone", () => {
  expect(npmRules("registry=https://corp.example/api/npm")[0]?.paths).toEqual(["/api/npm/**"]);
  expect(pathGlob("/api/npm/**")("/api/npm/@scope%2Fname")).toBe(true);
});

describe("globs", () => {
  it.each([
    ["/api/**", "/api", true],
    ["/api/**", "/api/a/b", true],
    ["/api/**", "/apix", false],
    ["/*/*/info/refs", "/a/b/info/refs", true],
    ["/*/*/info/refs", "/a/b/c/info/refs", false],
    ["/v1beta/models/*:generateContent", "/v1beta/models/x:generateContent", true],
    ["/v1beta/models/*:generateContent", "/v1beta/models/a/b:generateContent", false],
    ["/a.b", "/axb", false],
    ["/a/*", "/a/b;c", false],
    ["/a/*", "/a/b%2Fc", false],
    ["/a/*", "/a/b%3Bc", false],
    ["/a/*", "/a/b%20c", true],
    ["/a/**", "/a/b%2Fc;d", true],
    ["/a/**", "/a%2Fb", false],
    ["/a/**", "/a;x/b", false],
    ["/**/x", "/a;b/x", false],
    ["/**/x", "/x", true],
    ["/**/x", "/a/b/x", true],
  ])("P43 %s matches %s: %s", (glob, path, expected) => {
    expect(pathGlob(glob)(path)).toBe(expected);
  });

  it("P43 two globs that match one path overlap", () => {
    const segment = fc.constantFrom("a", "b", "ab", "*", "a*", "**");
    const glob = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join("/")}`);
    const path = fc
      .array(fc.constantFrom("a", "b", "ab", "abb"), { maxLength: 4 })
      .map((parts) => `/${parts.join("/")}`);
    fc.assert(
      fc.property(glob, glob, path, (one, other, candidate) => {
        if (pathGlob(one)(candidate) && pathGlob(other)(candidate)) expect(doGlobsOverlap(one, other)).toBe(true);
        expect(doGlobsOverlap(one, other)).toBe(doGlobsOverlap(other, one));
      }),
      { numRuns: 1000 },
    );
  });
});
