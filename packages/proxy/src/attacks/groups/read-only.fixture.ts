import type { AttackCase, AttackGroup, WireCase } from "../harness/attack-case.fixture.ts";
import { ambiguousGraphqlBodies, mutations, unreadableGraphql } from "../tables/graphql.fixture.ts";
import {
  ambiguousLfsBodies,
  gitWrites,
  overrideHeaders,
  overrideQueries,
  readsWithBodies,
  refMovingRoutes,
  scopedPushes,
  vendorWrites,
  webSocketRoutes,
  writingMethods,
} from "../tables/read-only.fixture.ts";
import { webSocketLines } from "../tables/upgrades.fixture.ts";
import { inTunnel, type RequestExtras } from "./in-tunnel.fixture.ts";

const api = "https://api.github.com";
const repository = "https://github.com/acme/app.git";
const readOnly = (
  what: string,
  [method, url, extras]: readonly [method: string, url: string, extras?: RequestExtras],
  sees: WireCase["sees"] = "403 read-only",
): AttackCase => ({
  what,
  session: "read-only",
  ...inTunnel(method, url, extras),
  // Methods in small letters, and those that nobody knows, are none to the parser.
  sees: method === method.toUpperCase() ? sees : /^40[03]/u,
});

const graphql = (body: string): AttackCase =>
  readOnly(
    `GraphQL ${JSON.stringify(body).slice(0, 100)}`,
    ["POST", `${api}/graphql`, { body }],
    /^403 (?:read-only|body-unreadable)/u,
  );
const alone = "the others know no access modes";

/** What a read-only session, and one with a branch of its own, may not do. */
export const readOnlyGroups: readonly AttackGroup[] = [
  {
    id: "P50",
    title: "git",
    rule: "A read-only session fetches; pushes, locks and LFS uploads are refused in every spelling, and a session with a branch pushes nothing else.",
    source: "gitprotocol-http(5), Git LFS batch and locking API, Gerrit's readonly plugin",
    alone,
    cases: [
      ...gitWrites.map(([method, path]) => readOnly(`${method} ${path}`, [method, repository + path])),
      ...ambiguousLfsBodies
        .concat('{"operation":"upload","objects":[]}', '{"operation":"Download","objects":[]}')
        .map((body) =>
          readOnly(
            `LFS batch ${body}`,
            ["POST", `${repository}/info/lfs/objects/batch`, { body }],
            /^403 (?:body-unreadable|read-only)/u,
          ),
        ),
      ...scopedPushes
        .filter(([, , expected]) => expected.startsWith("403"))
        .map(([method, path, sees]): AttackCase => ({
          what: `with a branch of its own: ${method} ${path}`,
          session: "scoped",
          ...inTunnel(method, `https://github.com${path}`),
          sees,
        })),
    ],
  },
  {
    id: "P51",
    title: "hidden methods",
    rule: "What is not GET, HEAD or OPTIONS is a write, and what gives a request another method is refused.",
    source: "X-HTTP-Method-Override (Rails, Express method-override); RFC 9110 §9",
    alone,
    cases: [
      ...writingMethods.map((method) =>
        readOnly(`the method ${method}`, [method, `${api}/repos/a/b/issues`], /^40[03]/u),
      ),
      ...overrideHeaders.map((name) =>
        readOnly(`the header ${name}`, ["GET", `${api}/repos/a/b`, { headers: { [name]: "DELETE" } }]),
      ),
      ...overrideQueries.map((query) => readOnly(`the query ${query}`, ["GET", `${api}/repos/a/b?${query}`])),
      ...readsWithBodies.map((headers) =>
        readOnly(`a GET with ${JSON.stringify(headers)}`, ["GET", `${api}/repos/a/b`, { headers }], /^40[03]/u),
      ),
    ],
  },
  {
    id: "P52",
    title: "GraphQL",
    rule: "A document is read whole: a mutation or a subscription anywhere, and what cannot be read for certain, is refused.",
    source: "GraphQL specification of October 2021 §2.3, §6; automatic persisted queries",
    alone,
    cases: [
      ...mutations.map((query) => graphql(JSON.stringify({ query }))),
      ...mutations.slice(0, 4).map((query) => graphql(JSON.stringify([{ query: "{ a }" }, { query }]))),
      ...unreadableGraphql.map(([value]) => graphql(JSON.stringify(value))),
      ...ambiguousGraphqlBodies.map((body) => graphql(body)),
      readOnly("a mutation in the query of a GET", ["GET", `${api}/graphql?query=mutation%7Ba%7D`]),
      readOnly(
        "a compressed body",
        ["POST", `${api}/graphql`, { body: "x", headers: { "content-encoding": "gzip" } }],
        "403 body-unreadable",
      ),
    ],
  },
  {
    id: "P53",
    title: "writes of the vendors' APIs",
    rule: "Routes of a ruled host that write are refused in a read-only session; those that move refs in one with a branch.",
    source: "Anthropic, OpenAI, Gemini, GitHub, npm, PyPI and OCI API references (named in the table)",
    alone,
    cases: [
      ...vendorWrites.map(([method, url]) => readOnly(`${method} ${url}`, [method, url])),
      ...refMovingRoutes.map(([method, path]): AttackCase => ({
        what: `with a branch of its own: ${method} ${path}`,
        session: "scoped",
        ...inTunnel(method, api + path),
        sees: "403 push-not-scoped",
      })),
    ],
  },
  {
    id: "P54",
    title: "channels",
    rule: "A WebSocket on which a session could write is refused in a read-only session.",
    source: "OpenAI Realtime, Gemini Live; RFC 6455",
    alone,
    cases: webSocketRoutes
      .filter(([, expected]) => expected.startsWith("403"))
      .map(([url, sees]): AttackCase => {
        const headers = Object.fromEntries(webSocketLines.map((line) => line.split(": ")));
        return { what: `a WebSocket to ${url}`, session: "read-only", ...inTunnel("GET", url, { headers }), sees };
      }),
  },
];
