/** GraphQL that is not, or not certainly, a read. */

/** Documents with a mutation or a subscription somewhere. */
export const mutations: readonly string[] = [
  "mutation { addStar(input: {starrableId: 1}) { clientMutationId } }",
  "mutation M { a }",
  "mutation{a}",
  "  \n,mutation { a }",
  "# query\nmutation { a }",
  "#query { x }\rmutation { a }",
  "query A { a } mutation B { b }",
  "mutation B { b } query A { a }",
  "fragment F on Q { a } mutation { b }",
  'query { a(s: "}") } mutation { b }',
  'query { a(s: "\\"}") } mutation { b }',
  'query { a(s: """x""") } mutation { b }',
  "query($a: T = {x: 1}) { a } mutation { b }",
  "subscription { a }",
  "query A { a } subscription S { b }",
  "{ a } mutation { b }",
  "query @d(a: {b: 1}) { a } mutation { b }",
];

/** JSON values in which no document can be read for certain. One row each, as `it.each` takes them. */
export const unreadableGraphql: readonly (readonly unknown[])[] = [
  [{ extensions: { persistedQuery: { version: 1, sha256Hash: "ab" } } }],
  [{ id: "stored", variables: {} }],
  [{ documentId: "x" }],
  [{ query: "" }],
  [{ query: null, extensions: {} }],
  [{ query: ["{ a }"] }],
  [{ query: { a: 1 } }],
  [{ query: "{ a" }],
  [{ query: "{ a }}" }],
  [{ query: "query { a } x" }],
  [{ query: "extend type Q { a: Int }" }],
  [{ query: "type Q { a: Int }" }],
  [{ query: 'query { a(s: "unended) }' }],
  [{ query: "query { a } \u0000 mutation { b }" }],
  [{ query: "muta\\u0074ion { a }" }],
  [{ query: "query" }],
  [[]],
  [[[{ query: "{ a }" }]]],
  [[null]],
  ["text"],
  [5],
  [null],
];

/** Bodies that parsers of JSON read in two ways. */
export const ambiguousGraphqlBodies: readonly string[] = [
  '{"query":"{ a }","query":"mutation { b }"}',
  '{"query":"mutation { b }","query":"{ a }"}',
  '{"qu\\u0065ry":"{ a }","query":"mutation { b }"}',
  '[{"query":"{ a }"},{"query":"{ a }","query":"mutation { b }"}]',
  '{"query":"{ a }"} {"query":"mutation { b }"}',
  "query=mutation{b}",
  '{"query":"{ a }",}',
  "",
];
