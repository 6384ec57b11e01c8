import { execFileSync } from "node:child_process";

import { parse } from "smol-toml";
import { describe, expect, it } from "vitest";

import { shippedRules } from "../rules/shipped-rules.ts";
import { codexTokenAnswer } from "./codex-token-answer.ts";
import { sandboxWiring } from "./sandbox-wiring.ts";
import type { WiringRequest } from "./wiring-types.ts";

const rules = shippedRules({ npmrc: "registry=https://npm.example.com/" });
const everything = new Set(rules.map(({ secret }) => secret).filter((name) => name !== undefined));

const isolated: WiringRequest = {
  sessionId: "01JD",
  proxyUrl: "http://127.0.0.1:18100",
  caBundlePath: "/etc/clauderon/proxy-ca.pem",
  agent: "claude",
  rules,
  secrets: everything,
  home: "/home/agent",
  now: "2026-11-21T00:00:00Z",
};
const onHost: WiringRequest = { ...isolated, home: undefined, proxyUrl: "http://01JD:token@127.0.0.1:18100" };
const variables = (request: Partial<WiringRequest>) => sandboxWiring({ ...isolated, ...request }).environment;
const file = (request: Partial<WiringRequest>, end: string) =>
  sandboxWiring({ ...isolated, ...request }).files.find(({ path }) => path.endsWith(end));

describe("The wiring of a sandbox", () => {
  it.each(["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"])("sets %s to the proxy", (name) => {
    expect(variables({})[name]).toBe("http://127.0.0.1:18100");
    expect(sandboxWiring(onHost).environment[name]).toBe("http://01JD:token@127.0.0.1:18100");
  });

  it.each([
    "SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "CURL_CA_BUNDLE",
    "CODEX_CA_CERTIFICATE",
    "PIP_CERT",
    "CARGO_HTTP_CAINFO",
    "DENO_CERT",
    "AWS_CA_BUNDLE",
  ])("sets %s to the bundle", (name) => {
    expect(variables({})[name]).toBe("/etc/clauderon/proxy-ca.pem");
  });

  it("names what needs no proxy, in both spellings", () => {
    expect(variables({ noProxy: ["host.docker.internal"] })).toMatchObject({
      NO_PROXY: "localhost,127.0.0.1,::1,host.docker.internal",
      no_proxy: "localhost,127.0.0.1,::1,host.docker.internal",
      NODE_USE_ENV_PROXY: "1",
    });
  });

  it("leaves none of the caller's variables as it is that holds what the proxy puts in", () => {
    const given = new Set([
      "GOOGLE_API_KEY",
      "GITHUB_TOKEN",
      "PYPI_TOKEN",
      "SPRITES_TOKEN",
      "CODEX_ACCESS_TOKEN",
      "EDITOR",
    ]);
    const found = variables({ given });
    expect(found).toMatchObject({
      GOOGLE_API_KEY: "clauderon-gemini-placeholder",
      GITHUB_TOKEN: expect.stringContaining("clauderon") as string,
      PYPI_TOKEN: expect.stringContaining("clauderon") as string,
    });
    // Nobody puts these in for the session; a variable that was not there does not come.
    for (const name of ["SPRITES_TOKEN", "CODEX_ACCESS_TOKEN", "EDITOR"]) expect(found).not.toHaveProperty(name);
    expect(variables({})).not.toHaveProperty("GOOGLE_API_KEY");
    expect(variables({ given, secrets: new Set() })).not.toHaveProperty("GOOGLE_API_KEY");
    // Claude Code takes an empty one for none.
    expect(variables({})).not.toHaveProperty("ANTHROPIC_API_KEY");
    expect(variables({ given: new Set(["ANTHROPIC_API_KEY"]) })["ANTHROPIC_API_KEY"]).toBe("");
  });

  it("names the session, and the daemon where it can be reached", () => {
    expect(variables({})).toMatchObject({ CLAUDERON_SESSION_ID: "01JD" });
    expect(variables({})).not.toHaveProperty("CLAUDERON_HTTP_PORT");
    expect(variables({ daemonPort: 3030 })).toMatchObject({ CLAUDERON_HTTP_PORT: "3030" });
  });

  it.each([
    { secret: "github", names: ["GITHUB_TOKEN", "GH_TOKEN"] },
    { secret: "anthropic", names: ["ANTHROPIC_API_KEY"] },
    { secret: "claude-oauth", names: ["CLAUDE_CODE_OAUTH_TOKEN"] },
    { secret: "openai", names: ["OPENAI_API_KEY", "CODEX_API_KEY"] },
    { secret: "gemini", names: ["GEMINI_API_KEY"] },
    { secret: "npm", names: ["NPM_TOKEN"] },
  ])("P30 gives a placeholder for $secret only where the secret exists", ({ secret, names }) => {
    const placeholder = rules.find((rule) => rule.secret === secret)?.placeholder;
    expect(placeholder).toContain("placeholder");
    for (const name of names) {
      expect(variables({ secrets: new Set([secret]) })[name]).toBe(placeholder);
      expect(variables({ secrets: new Set() })).not.toHaveProperty(name);
    }
    expect(Object.values(variables({ secrets: new Set() })).some((value) => value.includes("placeholder"))).toBe(false);
    expect(
      sandboxWiring({ ...isolated, secrets: new Set() }).files.some(({ content }) => content.includes("placeholder")),
    ).toBe(false);
  });

  it("gives Claude Code the token alone where there is a key too, and others both", () => {
    expect(variables({ agent: "claude" })).not.toHaveProperty("ANTHROPIC_API_KEY");
    expect(variables({ agent: "other" })).toHaveProperty("ANTHROPIC_API_KEY");
    expect(variables({ agent: "other" })).toHaveProperty("CLAUDE_CODE_OAUTH_TOKEN");
  });

  it("answers Claude Code's question about the key beforehand", () => {
    const secrets = new Set(["anthropic"]);
    const { ANTHROPIC_API_KEY: key = "" } = variables({ secrets });
    const state = file({ secrets }, "/.claude.json");
    expect(state).toMatchObject({ path: "/home/agent/.claude.json", mode: 0o600, ifPresent: "merge-json" });
    expect(JSON.parse(state?.content ?? "")).toMatchObject({ customApiKeyResponses: { approved: [key.slice(-20)] } });
    expect(file({}, "/.claude.json")).toBeUndefined();
  });

  it("gives Codex its login as a file and keeps its key from a second host", () => {
    const login = file({ agent: "codex" }, "/.codex/auth.json");
    expect(login).toMatchObject({ path: "/home/agent/.codex/auth.json", mode: 0o600 });
    expect(JSON.parse(login?.content ?? "")).toEqual({
      auth_mode: "apikey",
      OPENAI_API_KEY: "sk-clauderon-openai-placeholder",
    });
    const config = parse(file({ agent: "codex" }, "/.codex/config.toml")?.content ?? "");
    expect(config).toEqual({ cli_auth_credentials_store: "file", features: { api_key_model_discovery: false } });
  });

  it("gives Codex a ChatGPT login without a secret in it", () => {
    const request = { agent: "codex", secrets: new Set(["codex-access"]), codexAccountId: "acct-1" } as const;
    const login: unknown = JSON.parse(file(request, "/auth.json")?.content ?? "");
    expect(login).toMatchObject({
      auth_mode: "chatgpt",
      tokens: { access_token: "clauderon-codex-access-placeholder", account_id: "acct-1" },
      last_refresh: "2026-11-21T00:00:00Z",
    });
    const [, claims = ""] = /"id_token": "[^.]+\.([^.]+)\./.exec(file(request, "/auth.json")?.content ?? "") ?? [];
    expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toMatchObject({
      "https://api.openai.com/auth": { chatgpt_account_id: "acct-1" },
    });
  });

  it("P27 refreshes a ChatGPT login with what the sandbox has already", () => {
    const login = file({ agent: "codex", secrets: new Set(["codex-access"]), codexAccountId: "acct-1" }, "/auth.json");
    const { tokens } = JSON.parse(login?.content ?? "") as { readonly tokens: Readonly<Record<string, string>> };
    const { access_token, refresh_token, id_token } = tokens;
    const answer = codexTokenAnswer(access_token ?? "", "acct-1");
    expect(JSON.parse(answer.body)).toMatchObject({ access_token, refresh_token, id_token });
  });

  it("tells Gemini CLI how to sign in, and npm a token", () => {
    expect(JSON.parse(file({ agent: "gemini" }, "/.gemini/settings.json")?.content ?? "")).toEqual({
      security: { auth: { selectedType: "gemini-api-key" } },
    });
    expect(file({}, "/.npmrc")).toMatchObject({
      content: "registry=https://npm.example.com/\n//npm.example.com/:_authToken=clauderon-npm-placeholder\n",
      ifPresent: "keep",
    });
  });

  it("names the user's npm registries where they are, each with its own placeholder, without one where there is no secret", () => {
    const npmrc = "registry=https://corp.example/api/npm/\n@acme:registry=https://npm.pkg.example/\n";
    const own = shippedRules({ npmrc });
    expect(file({ rules: own, secrets: new Set(["npm", "npm-npm.pkg.example"]) }, "/.npmrc")?.content).toBe(
      "registry=https://corp.example/api/npm/\n//corp.example/api/npm/:_authToken=clauderon-npm-placeholder\n//npm.pkg.example/:_authToken=clauderon-npm-npm.pkg.example-placeholder\n",
    );
    expect(file({ rules: own, secrets: new Set() }, "/.npmrc")?.content).toBe(
      "registry=https://corp.example/api/npm/\n",
    );
    expect(file({ rules: shippedRules({}), secrets: everything }, "/.npmrc")).toBeUndefined();
  });

  it("tells wget the bundle by a file, because it reads no variable", () => {
    expect(file({}, "/.wgetrc")).toMatchObject({
      content: "ca_certificate = /etc/clauderon/proxy-ca.pem\n",
      ifPresent: "keep",
    });
  });

  it("writes no file of the user's on a host, and tells Codex by arguments", () => {
    for (const agent of ["claude", "codex", "gemini", "other"] as const) {
      expect(sandboxWiring({ ...onHost, agent }).files).toEqual([]);
    }
    expect(sandboxWiring({ ...onHost, agent: "codex" }).agentArguments).toEqual([
      "--config",
      "features.api_key_model_discovery=false",
    ]);
    expect(sandboxWiring({ ...onHost, agent: "claude" }).agentArguments).toEqual([]);
  });

  it.each([
    { path: "/etc/clauderon/java.p12", expected: "-Djavax.net.ssl.trustStore=/etc/clauderon/java.p12" },
    { path: "/Users/A B/java.p12", expected: '"-Djavax.net.ssl.trustStore=/Users/A B/java.p12"' },
  ])("gives Java a trust store at $path and the proxy's place", ({ path, expected }) => {
    const { JAVA_TOOL_OPTIONS: options = "" } = variables({ javaTrustStore: { path, password: "changeit" } });
    expect(options).toContain(expected);
    expect(options).toContain("-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=18100");
    expect(variables({})).not.toHaveProperty("JAVA_TOOL_OPTIONS");
  });

  it("has names and values that a process takes", () => {
    const { environment } = sandboxWiring({
      ...isolated,
      javaTrustStore: { path: "/a", password: "b" },
      daemonPort: 1,
    });
    for (const name of Object.keys(environment)) expect(name).toMatch(/^[A-Za-z_][A-Za-z0-9_]*$/);
    const seen = execFileSync(process.execPath, ["-e", "process.stdout.write(JSON.stringify(process.env))"], {
      env: { ...environment, JAVA_TOOL_OPTIONS: "", NODE_EXTRA_CA_CERTS: "" },
    });
    expect(JSON.parse(seen.toString())).toMatchObject({
      HTTPS_PROXY: environment["HTTPS_PROXY"],
      CLAUDERON_SESSION_ID: "01JD",
    });
  });
});
