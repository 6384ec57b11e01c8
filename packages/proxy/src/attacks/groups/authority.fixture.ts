import type { AttackCase, AttackGroup, WireCase } from "../harness/attack-case.fixture.ts";
import { ruledHost } from "../harness/attack-world.fixture.ts";
import { canaries } from "../harness/planted-secrets.fixture.ts";
import { foreignAuthorities, foreignHosts, secondCredentials } from "../tables/messages.fixture.ts";
import { foreignForms, hostLikePaths } from "../tables/paths.fixture.ts";

const inside = (what: string, send: string, sees: WireCase["sees"]): AttackCase => ({
  what,
  way: "tunnel",
  send,
  sees,
});
const get = (path: string, headers = ""): string => `GET ${path} HTTP/1.1\r\nHost: TARGET\r\n${headers}\r\n`;

const authorities = (isForm: boolean): readonly AttackCase[] =>
  foreignAuthorities
    .filter(([name]) => name.startsWith("P23") === isForm && !/^P(?:26|43)/u.test(name))
    .map(([name, send, status]) => inside(name.replace(/^P23 /u, ""), send, String(status)));

const anyCredential = /CANARY|[Aa]uthorization|x-api-key/u;

/** The first of two requests may reach the upstream. */
const second = (attack: AttackCase): AttackCase =>
  "way" in attack && String(attack.sees).startsWith("200 then") ? { ...attack, never: /\/b|evil/u } : attack;

/** To whom a request goes, and with which credential. */
export const authorityGroups: readonly AttackGroup[] = [
  {
    id: "P20",
    title: "another host inside the tunnel",
    rule: "CONNECT host = TLS server name = the one Host line, else 421: what was decided on is where it goes.",
    source: "httpjail #58, domain fronting; RFC 9112 §3.2, RFC 9110 §7.4",
    cases: [
      ...authorities(false),
      ...foreignHosts
        .filter(([values]) => values.every((value) => value !== ""))
        .map(([values]) =>
          inside(
            `Host: ${values.join(" + Host: ")}`,
            `GET / HTTP/1.1\r\n${values.map((value) => `Host: ${value.replaceAll("api.github.com", "TARGET")}\r\n`).join("")}\r\n`,
            /^4(?:21|00)/u,
          ),
        )
        // A tab behind the value is white space of the line (RFC 9112 §5.1), not of the host.
        .filter(({ what }) => !what.includes("\t")),
      inside(
        "a second request for another host",
        `${get("/a")}GET /b HTTP/1.1\r\nHost: evil.test\r\n\r\n`,
        "200 then 421",
      ),
    ].map(second),
  },
  {
    id: "P21",
    title: "another name in TLS",
    rule: "Where the proxy looks into a connection, the server name is the host of CONNECT.",
    source: "domain fronting; RFC 6066 §3",
    cases: ["evil.test", "", "a.api.anthropic.com", "anthropic.com", "api.openai.com", "127.0.0.1"].map(
      (serverName) => ({
        what: serverName === "" ? "no server name" : `server name ${serverName}`,
        way: "tunnel",
        serverName,
        send: get("/"),
        sees: "421 server-name-mismatch",
      }),
    ),
  },
  {
    id: "P22",
    title: "the host by its address",
    rule: "A credential belongs to a name: an address gets none, whatever name stands inside.",
    source: "IP literals around host rules (CWE-291)",
    cases: ["160.79.104.10:443", "[2607:6bc0::10]:443", "140.82.121.4:443"].map((target) => ({
      what: `CONNECT ${target}, then Host and server name of the ruled host`,
      way: "tunnel",
      session: "listed",
      target,
      serverName: ruledHost,
      send: `GET / HTTP/1.1\r\nHost: ${ruledHost}\r\n\r\n`,
      sees: "403 host-not-allowed",
    })),
  },
  {
    id: "P23",
    title: "other forms of the target",
    rule: "Inside a tunnel the target is a path; absolute, authority and asterisk form, a nested CONNECT and `//host` are refused.",
    source: "RFC 9112 §3.2; undici GHSA-8qr4-xgw6-wmr3",
    cases: [
      ...authorities(true),
      ...foreignForms
        .filter(([, target]) => target !== "")
        .map(([method, target]) =>
          inside(`${method} ${target}`, `${method} ${target} HTTP/1.1\r\nHost: TARGET\r\n\r\n`, /^400/u),
        ),
      ...hostLikePaths.map((path) => inside(`GET ${path}`, get(path), /^400/u)),
      inside(
        "absolute form on a connection that was kept",
        `${get("/a")}GET https://evil.test/b HTTP/1.1\r\nHost: TARGET\r\n\r\n`,
        "200 then 400",
      ),
    ].map(second),
  },
  {
    id: "P24",
    title: "not the rule's scheme, port or method",
    rule: "A secret leaves over HTTPS alone, to the rule's host, port, path and method.",
    source: "CWE-319; curl CVE-2022-27774 (credentials to another port), CVE-2022-30115",
    cases: [
      ...[
        "http://api.anthropic.com/v1/models",
        "http://api.anthropic.com:80/v1/models",
        "http://api.github.com/user",
      ].map((url): AttackCase => ({
        what: `plain GET ${url}`,
        way: "proxy",
        session: "open",
        send: `GET ${url} HTTP/1.1\r\nHost: ${new URL(url).host}\r\nAUTH\r\n`,
        never: anyCredential,
        sees: /^(?:200|403|502)/u,
      })),
      ...["http://api.anthropic.com:443/v1/models", "http://api.github.com:443/user"].map((url): AttackCase => ({
        what: `plain GET ${url}`,
        way: "proxy",
        session: "listed",
        send: `GET ${url} HTTP/1.1\r\nHost: ${new URL(url).hostname}:443\r\nAUTH\r\n`,
        sees: "403 host-not-allowed",
      })),
      ...["api.anthropic.com:80", "api.anthropic.com:8443", "api.github.com:444"].map((target): AttackCase => ({
        what: `CONNECT ${target}`,
        way: "connect",
        session: "listed",
        target,
        sees: "403 host-not-allowed",
      })),
    ],
  },
  {
    id: "P25",
    title: "redirects",
    rule: "A redirect goes to the client as it is; the proxy follows none.",
    source: "go-git CVE-2026-41506, undici GHSA-3787-6prv-h9w3, follow-redirects GHSA-cxjh-pqwp-8mfp",
    cases: [
      ...[301, 302, 303, 307, 308].map((status) => `HTTP/1.1 ${status} Moved\r\nLocation: https://evil.test/`),
      "HTTP/1.1 302 Found\r\nLocation: //evil.test/",
      "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/meta-data/",
      "HTTP/1.1 200 OK\r\nRefresh: 0; url=https://evil.test/",
      "HTTP/1.1 200 OK\r\nContent-Location: https://evil.test/\r\nLink: <https://evil.test/>; rel=preload",
    ].map((head) => ({
      what: head.split("\r\n").slice(0, 2).join(", "),
      way: "tunnel",
      send: get("/a"),
      answer: [`${head}\r\nContent-Length: 0\r\n\r\n`],
      // Once, and not again.
      never: /GET[\s\S]*GET|evil|169\.254/u,
      sees: /^(?:30\d|200)$/u,
    })),
  },
  {
    id: "P28",
    title: "a second credential",
    rule: "Whatever a client sends as a credential of the host is removed, in every spelling, before the one is put in.",
    source: "Docker Sandboxes CVE-2026-105452",
    cases: [
      ...secondCredentials.map(([name, headers, trace]): AttackCase => ({
        what: name,
        way: "tunnel",
        send: get("/a", headers),
        never: trace,
        sees: "200",
      })),
      ...[
        "X-API-KEY: attacker\r\n",
        "x-Api-Key: attacker\r\nX-Api-Key: attacker\r\n",
        "x_api_key: attacker\r\n",
        "Authorization: Bearer attacker\r\n",
        "AUTHORIZATION: Basic YXR0YWNrZXI=\r\n",
        "Cookie: sessionKey=attacker\r\ncookie: b=attacker\r\n",
        "Api-Key: attacker\r\n",
        "X-Goog-Api-Key: attacker\r\n",
        "Private-Token: attacker\r\n",
        "Connection: x-api-key\r\nX-Api-Key: attacker\r\n",
        "X-Api-Key:attacker\r\nX-Api-Key :attacker\r\n",
      ].map((headers): AttackCase => ({
        what: JSON.stringify(headers),
        way: "tunnel",
        send: get("/a", headers),
        never: /attacker|YXR0YWNrZXI/u,
        sees: /^(?:200|400)/u,
      })),
      ...["key=attacker", "access_token=attacker&x=1", "%6bey=attacker", "KEY=attacker", "a=1&key=attacker&key=b"].map(
        (query): AttackCase => ({
          what: `?${query} at a host whose key may stand in the query`,
          way: "tunnel",
          target: "generativelanguage.googleapis.com:443",
          send: get(`/v1beta/models?${query}`),
          never: /attacker/u,
          sees: "200",
        }),
      ),
      {
        what: "the proxy's own token, and what Connection names",
        way: "tunnel",
        send: get(
          "/a",
          `Connection: close, X-Foo\r\nX-Foo: attacker\r\nProxy-Authorization: Basic YXR0YWNrZXI=\r\nProxy-Foo: attacker\r\n`,
        ),
        never: /attacker|YXR0YWNrZXI|proxy-/iu,
        sees: "200",
      },
      {
        what: "the credential of the host is there once",
        way: "tunnel",
        send: get("/a", "X-Api-Key: a\r\nX-Api-Key: b\r\n"),
        never: new RegExp(
          `${escapeText(canaries.anthropic)}[\\s\\S]*${escapeText(canaries.anthropic)}|x-api-key: [ab]\\r`,
          "iu",
        ),
        sees: "200",
      },
    ],
  },
];

function escapeText(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/gu, "\\$&");
}
