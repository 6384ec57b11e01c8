import { readFile } from "node:fs/promises";

import { describe, expect, it } from "vitest";

import { shippedRules } from "../rules/shipped-rules.ts";
import { sandboxWiring } from "./sandbox-wiring.ts";

const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
const [, section = ""] = /## What clients need\n([\s\S]*?)\n## /u.exec(readme) ?? [];
const rows = section.split("\n").filter((line) => /^\| (?!client |-)/u.test(line));
const named = [...section.matchAll(/`([A-Za-z]+_[A-Za-z_]+)`/gu)].map(([, name = ""]) => name);
/** A setting of Codex and a file, not variables. */
const variables = new Set(named.filter((name) => name === name.toUpperCase() || name.endsWith("_proxy")));

function given(agent: "other" | "codex"): readonly string[] {
  const rules = shippedRules({ npmrc: "registry=https://npm.example.com/" });
  const { environment } = sandboxWiring({
    sessionId: "01JD",
    proxyUrl: "http://127.0.0.1:18100",
    caBundlePath: "/etc/clauderon/proxy-ca.pem",
    javaTrustStore: { path: "/etc/clauderon/proxy-ca.p12", password: "changeit" },
    agent,
    rules,
    secrets: new Set(rules.flatMap(({ secret }) => secret ?? [])),
    home: "/home/agent",
    now: "2026-11-21T00:00:00Z",
  });
  return Object.keys(environment);
}

describe("The README's table of clients", () => {
  it("names the variables that a sandbox is given, all of them and no other", () => {
    expect([...variables].toSorted()).toEqual([...given("other")].toSorted());
  });

  it.each([
    "curl",
    "wget",
    "git",
    "git-lfs",
    "npm",
    "pnpm",
    "Node fetch",
    "undici",
    "pip",
    "Python requests",
    "Python httpx",
    "cargo",
    "go",
    "skopeo",
    "deno",
    "AWS",
    "Java HttpClient",
    "Claude Code",
    "Codex",
    "Gemini CLI",
  ])("has a row for %s", (client) => {
    const names = rows.flatMap((row) => (row.split("|")[1] ?? "").split(",").map((name) => name.trim()));
    expect(names).toContain(client);
  });
});
