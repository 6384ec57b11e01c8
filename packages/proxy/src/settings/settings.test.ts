import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ClauderonError } from "@clauderon/core/contract";
import { describe, expect, it } from "vitest";

import { loadProxySettings, readProxySettings, type ProxySettings } from "./load-proxy-settings.ts";
import { nearestName } from "./nearest-name.ts";
import { tomlLines } from "./toml-lines.ts";

const places = { home: "/home/me/.clauderon", userHome: "/home/me", path: "proxy.toml" };
const read = (text: string): ProxySettings => readProxySettings(text, places);

/** The fault as its user sees it: message, reason and first fix. */
function fault(text: string): string {
  try {
    read(text);
  } catch (error) {
    if (!ClauderonError.isInstance(error, "settings.invalid")) throw error;
    return [error.message, ...(error.why === undefined ? [] : [error.why]), error.fix[0]].join(" | ");
  }
  return "accepted";
}

describe("proxy.toml", () => {
  it("an empty file, and none, have the defaults", async () => {
    const settings = read("");
    expect(settings).toMatchObject({
      secretsDirectory: "/home/me/.clauderon/secrets",
      audit: { isEnabled: true, path: "/home/me/.clauderon/audit.jsonl" },
      codexAuthPath: "/home/me/.codex/auth.json",
      onePassword: undefined,
      allow: [],
      deny: [],
      extraCa: [],
      upstream: undefined,
      upstreams: {},
      notes: [],
    });
    expect(settings.rules.map(({ id }) => id)).toContain("github-git");
    expect(await loadProxySettings({ ...places, path: "/nowhere/proxy.toml" })).toEqual(settings);
  });

  it("the keys of earlier versions are accepted, alone and together", () => {
    const settings = read(`
secrets_dir = "~/keys"
talos_gateway_port = 18082
kubectl_proxy_port = 18081
audit_enabled = false
audit_log_path = "/var/log/clauderon.jsonl"
codex_auth_json_path = "~/codex.json"

[onepassword]
enabled = true
op_path = "/usr/local/bin/op"

[onepassword.credentials]
github_token = "op://Work/GitHub/token"
`);
    expect(settings).toMatchObject({
      secretsDirectory: "/home/me/keys",
      audit: { isEnabled: false, path: "/var/log/clauderon.jsonl" },
      codexAuthPath: "/home/me/codex.json",
      onePassword: { program: "/usr/local/bin/op", references: { github_token: "op://Work/GitHub/token" } },
    });
    expect(settings.notes).toEqual([
      expect.stringContaining("talos_gateway_port"),
      expect.stringContaining("kubectl_proxy_port"),
    ]);
  });

  it.each([
    ['[onepassword.credentials]\nsprites_api_key = "op://Work/Sprites/api-key"', true],
    ['[onepassword]\nenabled = false\n[onepassword.credentials]\na = "op://a/b/c"', false],
    ["[onepassword]\nenabled = true", true],
    ["[onepassword]\n", false],
  ])("1Password with %j is on: %s", (text, isOn) => {
    expect(read(text).onePassword !== undefined).toBe(isOn);
  });

  it("the proxy's own keys", () => {
    const settings = read(`
[proxy]
allow = ["*.example.com", "10.0.0.5:8080", "Bücher.example"]
deny = ["evil.example"]
extra_ca = "~/corp.pem"
upstream = "http://user:pass@proxy.example:3128"

[proxy.upstreams]
"API.anthropic.com" = "https://gateway.example:8443/"
"api.openai.com" = "http://127.0.0.1:4000"

[registries]
"docker.io" = "me"

[budget]
per_day = "5usd"

[[prices]]
model = "local"
input = 0
output = 1.5
`);
    expect(settings).toMatchObject({
      allow: ["*.example.com", "10.0.0.5:8080", "Bücher.example"],
      deny: ["evil.example"],
      extraCa: ["/home/me/corp.pem"],
      upstream: "http://user:pass@proxy.example:3128",
      upstreams: { "api.anthropic.com": "https://gateway.example:8443", "api.openai.com": "http://127.0.0.1:4000" },
      dayLimit: { kind: "usd", usd: 5 },
      prices: [{ model: "local", input: 0, output: 1.5 }],
    });
    expect(settings.rules.find(({ id }) => id === "docker-hub-token")?.inject).toEqual({
      kind: "basic",
      username: "me",
    });
  });

  it("accounts at container registries, in both forms and any spelling of the host", () => {
    const { rules } = read(`
[registries]
"Registry.EXAMPLE:443" = "me"
"ghcr.io" = { username = "org", secret = "packages" }
"registry.gitlab.com" = { username = "me", secret = "gitlab", token_url = "https://gitlab.com/jwt/auth" }
`);
    const one = (id: string) => rules.find((rule) => rule.id === id);
    expect(one("registry-registry.example-token")).toMatchObject({
      host: "registry.example",
      secret: "registry-registry.example",
    });
    expect(one("ghcr-token")).toMatchObject({ secret: "packages", inject: { kind: "basic", username: "org" } });
    expect(one("ghcr")).toMatchObject({ takesTokensOf: "packages" });
    expect(one("registry-registry.gitlab.com-token")).toMatchObject({ host: "gitlab.com", paths: ["/jwt/auth"] });
  });

  it("a rule of the user comes before those shipped, complete", () => {
    const [rule] = read(`
[[rules]]
id = "sentry"
host = "Sentry.IO"
paths = ["/api/**"]
secret = "sentry"
inject = { header = "Authorization" }
`).rules;
    expect(rule).toMatchObject({
      id: "sentry",
      host: "sentry.io",
      paths: ["/api/**"],
      protocol: "http",
      inject: { kind: "header", name: "Authorization", format: "Bearer {secret}" },
      secret: "sentry",
      placeholder: "clauderon-sentry-placeholder",
    });
    expect(rule?.credentialHeaders).toContain("x-api-key");
  });

  it("the documented examples are accepted", () => {
    const text = `
[[rules]]
id = "sentry"
host = "sentry.io"
secret = "sentry"
inject = { header = "Authorization", format = "Bearer {secret}" }

[[rules]]
id = "grafana"
host = "grafana.example.com"
paths = ["/api/**"]
secret = "grafana"
inject = { header = "Authorization", format = "Bearer {secret}" }

[[rules]]
id = "pagerduty"
host = "api.pagerduty.com"
secret = "pagerduty"
inject = { header = "Authorization", format = "Token token={secret}" }

[[rules]]
id = "jira"
host = "*.atlassian.net"
secret = "jira"
inject = { basic = "me@example.com" }

[[rules]]
id = "maps"
host = "maps.example.com"
secret = "maps"
inject = { query = "key" }
`;
    expect(
      read(text)
        .rules.slice(0, 5)
        .map(({ id }) => id),
    ).toEqual(["sentry", "grafana", "pagerduty", "jira", "maps"]);
  });

  it("a shipped rule is replaced by one with its id", () => {
    const { rules } = read(
      '[[rules]]\nid = "github-api"\nhost = "api.github.com"\nsecret = "work-github"\ninject = { header = "Authorization" }\nprotocol = "github-api"',
    );
    expect(rules.filter(({ id }) => id === "github-api").map(({ secret }) => secret)).toEqual(["work-github"]);
  });
});

describe("faults", () => {
  const rule = (text: string): string => `\n[[rules]]\nid = "a"\nhost = "a.example"\n${text}\n`;

  it.each([
    ["audit_enable = true", 'proxy.toml:1: unknown setting "audit_enable" | write audit_enabled for audit_enable'],
    ["\n# note\nsecret_dir = 'x'", 'proxy.toml:3: unknown setting "secret_dir" | write secrets_dir for secret_dir'],
    ["upstream = 'http://x'", 'proxy.toml:1: unknown setting "upstream" | write it under [proxy]'],
    ["[prxy]\nallow = []", 'proxy.toml:1: unknown setting "prxy" | write proxy for prxy'],
    ["[proxy]\nalow = []", 'proxy.toml:2: unknown setting "alow" in proxy | write allow for alow'],
    [
      "[proxy]\nzzz = 1",
      'proxy.toml:2: unknown setting "zzz" in proxy | use one of: allow, carrier_resume_seconds, deny, extra_ca, requests_per_second, upstream, upstreams',
    ],
    [
      "[onepassword]\nop_pth = 'op'",
      'proxy.toml:2: unknown setting "op_pth" in onepassword | write op_path for op_pth',
    ],
    [rule("hots = 'x'"), 'proxy.toml:5: unknown setting "hots" in rules | write host for hots'],
    [
      `${rule("")}\n[[rules]]\nid = "b"\nhost = "b.example"\npath = ["/x"]`,
      'proxy.toml:10: unknown setting "path" in rules | write paths for path',
    ],
  ])("an unknown key in %j", (text, expected) => {
    expect(fault(text)).toBe(expected);
  });

  it.each([
    [
      "audit_enabled = 'yes'",
      "proxy.toml:1: wrong value for audit_enabled | expected true or false | correct line 1 of proxy.toml",
    ],
    ["[proxy]\n\nallow = 'x'", /^proxy\.toml:3: wrong value for proxy\.allow \| expected a list of hosts/],
    ["[proxy]\nallow = [5]", /^proxy\.toml:2: wrong value for proxy\.allow\.0 \| expected a list of hosts/],
    ["rules = 5", /^proxy\.toml:1: wrong value for rules \| expected tables, each written as \[\[rules\]\]/],
    [rule("port = 0"), /^proxy\.toml:5: wrong value for rules\.0\.port \| expected a port/],
    [rule("protocol = 'ftp'"), /^proxy\.toml:5: wrong value for rules\.0\.protocol \| expected one of anthropic/],
    [rule("inject = { heder = 'x' }"), /^proxy\.toml:5: wrong value for rules\.0\.inject \| expected \{ header/],
    [rule("inject = { header = 'x', basic = 'y' }\nsecret = 's'"), /^proxy\.toml:5: wrong value for rules\.0\.inject/],
    ["[[rules]]\nhost = 'a.example'", /^proxy\.toml:1: wrong value for rules\.0\.id \| expected a name/],
    ["a = = b", /^proxy\.toml:1: not TOML/],
    ["a = 1\na = 2", /^proxy\.toml:2: not TOML/],
    ["[proxy]\nallow = ['https://example.com']", /^proxy\.toml:2: "https:\/\/example\.com" in allow is not a host/],
    ["[proxy]\ndeny = ['*']", /in deny is not a host/],
    ["[proxy]\nupstream = 'proxy.example:3128'", /proxy\.upstream is not an origin/],
    ["[proxy]\nupstream = 'socks5://proxy.example'", /proxy\.upstream is not an origin/],
    [
      "[proxy.upstreams]\n'api.anthropic.com' = 'https://g.example/v1'",
      /^proxy\.toml:2: proxy\.upstreams\.api\.anthropic\.com is not an origin/,
    ],
    ["[proxy.upstreams]\n'api.anthropic.com' = 'https://u:p@g.example'", /is not an origin/],
    ["[proxy.upstreams]\n'https://api.anthropic.com' = 'https://g.example'", /in upstreams is not a host/],
    ["[onepassword.credentials]\na = 'https://x'", /^proxy\.toml:2: a has no reference of 1Password/],
    ["[onepassword.credentials]\na = 'op://vault'", /has no reference/],
    ["[budget]\nper_day = '5'", /^proxy\.toml:2: "5" is not a budget/],
  ])("a wrong value in %j", (text, expected) => {
    expect(fault(text)).toMatch(expected);
  });

  it("a password in upstream is not shown", () => {
    expect(fault("[proxy]\nupstream = 'http://me:CANARY@proxy.example/x'")).not.toContain("CANARY");
  });

  const injecting = "secret = 's'\ninject = { header = 'Authorization' }";
  it.each([
    [rule("").replace('"a"', '"A B"'), /the id has characters/],
    [rule("").replace("a.example", "https://a.example"), /is not a host/],
    [rule("").replace("a.example", "a.example:8443"), /and the port as port/],
    [rule("").replace("a.example", "*.com"), /is not a host/],
    [rule("").replace("a.example", "*"), /is not a host/],
    [rule("").replace("a.example", "10.0.0.0/8"), /is not a host/],
    [rule("paths = ['api']"), /api is not a path/],
    [rule("paths = ['/a/../b']"), /is not a path/],
    [rule("paths = ['/a?x']"), /is not a path/],
    [rule("paths = ['/a//b']"), /is not a path/],
    [rule("methods = ['get']"), /get is not a method/],
    [rule("secret = 's'"), /inject and secret belong together/],
    [rule("inject = { basic = 'u' }"), /inject and secret belong together/],
    [rule("secret = '../x'\ninject = { basic = 'u' }"), /not the name of a secret/],
    [rule("secret = 's'\ninject = { basic = 'a:b' }"), /user name of basic/],
    [rule("secret = 's'\ninject = { query = 'a&b' }"), /parameter's name/],
    [rule("secret = 's'\ninject = { header = 'Host' }"), /Host is not a header/],
    [rule("secret = 's'\ninject = { header = 'X Y' }"), /is not a header/],
    [rule("secret = 's'\ninject = { header = 'X', format = 'Bearer' }"), /\{secret\} once/],
    [rule("secret = 's'\ninject = { header = 'X', format = '{secret}{secret}' }"), /\{secret\} once/],
    [rule('secret = "s"\ninject = { header = "X", format = "a\\r\\nb: {secret}" }'), /\{secret\} once/],
    [rule(`${injecting}\nplaceholder = 'short'`), /cannot stand for a secret/],
    [rule(`${injecting}\nplaceholder = 'with spaces in it'`), /cannot stand for a secret/],
    [rule("credential_headers = ['a b']"), /is not a header's name/],
    [`${rule("")}${rule("").replace("a.example", "b.example")}`, /two rules are called a/],
    [
      `${rule(injecting)}${rule("secret = 't'\ninject = { header = 'X' }\nplaceholder = 'clauderon-s-placeholder-2'").replace('"a"', '"b"').replace("a.example", "b.example")}`,
      /cannot be told apart/,
    ],
  ])("P42 the rule in %j is refused", (text, expected) => {
    expect(fault(text)).toMatch(expected);
  });

  const pair = (one: string, other: string): string =>
    `[[rules]]\nid = "one"\n${one}\n\n[[rules]]\nid = "two"\n${other}\n`;
  it.each([
    ["host = 'a.example'", "host = 'a.example'"],
    ["host = 'a.example'", "host = 'A.example'"],
    ["host = '*.example.com'", "host = 'a.example.com'"],
    ["host = '*.example.com'", "host = '*.b.example.com'"],
    ["host = 'a.example'\npaths = ['/api/**']", "host = 'a.example'\npaths = ['/api/v1/x']"],
    ["host = 'a.example'\npaths = ['/*/x']", "host = 'a.example'\npaths = ['/y/*']"],
    ["host = 'a.example'\npaths = ['/api/**']", "host = 'a.example'"],
    ["host = 'a.example'\nmethods = ['GET', 'POST']", "host = 'a.example'\nmethods = ['POST']"],
  ])("overlapping rules are named: %j and %j", (one, other) => {
    expect(fault(pair(one, other))).toMatch(/^proxy\.toml:\d+: the rules one and two overlap/);
  });

  it.each([
    ["host = 'a.example'", "host = 'b.example'"],
    ["host = '*.example.com'", "host = 'example.com'"],
    ["host = 'a.example'\nport = 8443", "host = 'a.example'"],
    ["host = 'a.example'\npaths = ['/api/**']", "host = 'a.example'\npaths = ['/v1/**']"],
    ["host = 'a.example'\npaths = ['/a/*']", "host = 'a.example'\npaths = ['/a/b/c']"],
    ["host = 'a.example'\nmethods = ['GET']", "host = 'a.example'\nmethods = ['POST']"],
  ])("rules that do not overlap are accepted: %j and %j", (one, other) => {
    expect(fault(pair(one, other))).toBe("accepted");
  });

  it("a rule that overlaps a shipped one names it and says how to replace it", () => {
    expect(fault("[[rules]]\nid = 'mine'\nhost = 'api.github.com'")).toBe(
      'proxy.toml:1: the rules github-api and mine overlap | a request to api.github.com could match both, and which secret it gets would depend on their order | give your rule the id "github-api" to replace the one that is shipped',
    );
  });

  it("a file that is not UTF-8, or not readable, is told apart from a missing one", async () => {
    const directory = await mkdtemp(join(tmpdir(), "clauderon-settings-"));
    const path = join(directory, "proxy.toml");
    await writeFile(path, Buffer.from([0x61, 0xff]));
    await expect(loadProxySettings({ ...places, path })).rejects.toMatchObject({
      code: "settings.invalid",
      message: `${path} is not UTF-8`,
    });
    await expect(loadProxySettings({ ...places, path: directory })).rejects.toMatchObject({
      code: "settings.unreadable",
    });
    await rm(directory, { recursive: true });
  });
});

describe("parts", () => {
  it("lines are found in tables, arrays of tables, quoted and dotted keys, past long strings", () => {
    const lineOf = tomlLines(`a = """
b = 1
"""
b.c = 2
[t."x.y"]
k = [
  1,
]
[[r]]
id = 1
[[r]]
id = 2
[r.sub]
z = 3
`);
    expect(
      [
        ["a"],
        ["b", "c"],
        ["t", "x.y", "k"],
        ["t", "x.y"],
        ["r", 0, "id"],
        ["r", 1, "id"],
        ["r", 1, "sub", "z"],
        ["r", 1, "none"],
        ["none"],
      ].map((path) => lineOf(path)),
    ).toEqual([1, 4, 6, 5, 10, 12, 14, 11, 1]);
  });

  it.each([
    ["hots", ["host", "paths"], "host"],
    ["audit_enable", ["audit_enabled", "audit_log_path"], "audit_enabled"],
    ["zzz", ["host"], undefined],
    ["prot", ["port", "protocol"], "port"],
  ])("nearest of %s in %j is %s", (name, candidates, expected) => {
    expect(nearestName(name, candidates)).toBe(expected);
  });
});
