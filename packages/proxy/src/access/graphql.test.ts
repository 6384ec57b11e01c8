import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { mutations, unreadableGraphql, ambiguousGraphqlBodies } from "../attacks/tables/graphql.fixture.ts";
import { outcome, type RequestText } from "../policy/decide.fixture.ts";
import type { BodyCheck, SessionPolicy } from "../policy/proxy-types.ts";
import { checkBody } from "./check-body.ts";
import { summarizeGraphql } from "./graphql.ts";

const readOnly: Partial<SessionPolicy> = { accessMode: "read-only" };
const ro = (text: RequestText, policy: Partial<SessionPolicy> = {}): string =>
  outcome(text, { ...readOnly, ...policy });
const api = "https://api.github.com";

describe("GraphQL in a read-only session", () => {
  it("P52 a POST is decided by its body", () => {
    expect(ro({ method: "POST", url: `${api}/graphql` })).toBe("inject github graphql-reads");
    expect(ro({ method: "POST", url: `${api}/graphql/` })).toBe("403 read-only");
    expect(ro({ method: "POST", url: `${api}/GraphQL` })).toBe("403 read-only");
    expect(ro({ method: "POST", url: `${api}/graphql`, headers: { "content-encoding": "gzip" } })).toBe(
      "403 body-unreadable",
    );
  });

  const body = (value: unknown, kind: BodyCheck["kind"] = "graphql-reads"): string | undefined =>
    checkBody(kind, Buffer.from(typeof value === "string" ? value : JSON.stringify(value)))?.code;

  it.each([
    "{ viewer { login } }",
    "query { viewer { login } }",
    'query Q($a: String = "mutation {", $b: [Int!]! = [1]) @include(if: true) { a: viewer { login } ...F } fragment F on User { id }',
    "# mutation { x }\nquery { a }",
    'query { search(query: "mutation { x }", type: REPOSITORY, first: 3) { nodes { id } } }',
    'query { a(text: """mutation { "quoted" }\n\\""" still""") }',
    "query A { a } query B { b }",
    "query ($o: In = {mutation: {a: 1}}) { a(o: $o) { mutation } }",
    "\ufeffquery{a}",
    "query mutation { a }",
    "fragment F on Q { a } { ...F }",
  ])("P52 the query %j passes", (query) => {
    expect(body({ query, variables: { query: "mutation { x }" }, operationName: null })).toBeUndefined();
  });

  it.each(mutations)("P52 %j is refused", (query) => {
    expect(body({ query })).toBe("read-only");
    expect(body({ query, operationName: "A" })).toBe("read-only");
    expect(body([{ query: "{ a }" }, { query }])).toBe("read-only");
    expect(body([{ query }, { query: "{ a }" }])).toBe("read-only");
  });

  it.each(unreadableGraphql)("P52 %j is refused: it cannot be read for certain", (value) => {
    expect(body(JSON.stringify(value))).toBe("body-unreadable");
  });

  it.each(ambiguousGraphqlBodies)("P52 the body %s is refused", (text) => {
    expect(body(text)).toMatch(/body-unreadable|read-only/);
  });

  it("P52 a body beyond 1 MiB and one that is not UTF-8 are refused", () => {
    expect(body({ query: `{ a } #${"x".repeat(1024 * 1024)}` })).toBe("body-unreadable");
    expect(checkBody("graphql-reads", Buffer.from([0x7b, 0xff, 0x7d]))?.code).toBe("body-unreadable");
    const utf16 = Buffer.from('{"query":"mutation { b }"}', "utf16le");
    expect(checkBody("graphql-reads", utf16)?.code).toBe("body-unreadable");
  });

  it.each([
    ["query=%7Bviewer%7Blogin%7D%7D", "inject github"],
    ["", "inject github"],
    ["query=mutation%7Ba%7D", "403 read-only"],
    ["query=%6dutation%7Ba%7D", "403 read-only"],
    ["QUERY=mutation%7Ba%7D", "403 read-only"],
    ["query=%7Ba%7D&query=mutation%7Ba%7D", "403 read-only"],
    ["query=subscription%7Ba%7D", "403 read-only"],
    ["query=%7Ba%7D;query=mutation%7Ba%7D", "403 read-only"],
    ["extensions=%7B%22persistedQuery%22%3A1%7D", "403 read-only"],
    ["id=stored", "403 read-only"],
    ["query=%7Ba", "403 body-unreadable"],
  ])("P52 GET /graphql?%s → %s", (query, expected) => {
    expect(ro({ url: `${api}/graphql${query === "" ? "" : `?${query}`}` })).toBe(expected);
  });

  it.each([
    ["mutation { addComment(input: {}) { id } }", undefined],
    ["mutation { createPullRequest(input: {}) { id } }", undefined],
    ["{ viewer { login } }", undefined],
    ["query { createRef }", undefined],
    ["mutation { x: createRef(input: {}) { id } }", "push-not-scoped"],
    ["mutation { createCommitOnBranch(input: {}) { id } }", "push-not-scoped"],
    ["mutation { ...F } fragment F on Mutation { updateRefs(input: {}) { id } }", "push-not-scoped"],
    ["mutation { mergePullRequest(input: {}) { id } }", "push-not-scoped"],
    ["mutation { deleteRef(input: {}) { id } }", "push-not-scoped"],
    ["muta", "body-unreadable"],
  ])("P53 a session with a branch of its own: %s → %s", (query, code) => {
    expect(body({ query }, "graphql-keeps-refs")).toBe(code);
  });

  it("P52 a mutation is found wherever it stands among other definitions, and never in strings or comments", () => {
    const harmless = fc.constantFrom(
      "{ a }",
      "query Q { a }",
      'query { a(s: "mutation {b}") }',
      "# mutation {b}\n",
      "fragment F on Q { mutation }",
      'query { a(s: """mutation { "b" }""") }',
      "query ($v: I = {mutation: 1}) { a }",
      " , ",
      "query mutation { a }",
    );
    fc.assert(
      fc.property(fc.array(harmless, { minLength: 1, maxLength: 6 }), fc.nat(6), (parts, at) => {
        const quiet = summarizeGraphql([...parts, "{ z }"].join("\n"));
        expect(quiet?.operations.every((operation) => operation === "query")).toBe(true);
        const loud = summarizeGraphql([...parts.slice(0, at), "mutation M { b }", ...parts.slice(at)].join("\n"));
        expect(loud?.operations).toContain("mutation");
      }),
      { numRuns: 200 },
    );
  });
});
