import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { engine, outcome, type RequestText } from "../policy/decide.fixture.ts";
import type { BodyCheck, SessionPolicy } from "../policy/proxy-types.ts";
import { checkBody } from "./check-body.ts";
import { gitOperation } from "./git-operation.ts";
import { summarizeGraphql } from "./graphql.ts";
import { queryPairs } from "./query-pairs.ts";

const readOnly: Partial<SessionPolicy> = { accessMode: "read-only" };
const ro = (text: RequestText, policy: Partial<SessionPolicy> = {}): string =>
  outcome(text, { ...readOnly, ...policy });
const github = "https://github.com/acme/app.git";
const api = "https://api.github.com";

describe("git in a read-only session", () => {
  it.each([
    ["GET", "/info/refs?service=git-upload-pack", "inject github"],
    ["GET", "/info/refs", "inject github"],
    ["HEAD", "/info/refs?service=git-upload-pack", "inject github"],
    ["POST", "/git-upload-pack", "inject github"],
    ["POST", "/info/lfs/objects/batch", "inject github lfs-download"],
    ["GET", "/info/lfs/locks", "inject github"],
  ])("P50 reading passes: %s %s", (method, path, expected) => {
    expect(ro({ method, url: github + path })).toBe(expected);
  });

  it.each([
    ["GET", "/info/refs?service=git-receive-pack"],
    ["GET", "/info/refs?service=GIT-RECEIVE-PACK"],
    ["GET", "/info/refs?service=Git-Receive-Pack"],
    ["GET", "/info/refs?service=git%2Dreceive%2Dpack"],
    ["GET", "/info/refs?service=git-receive%2dpack"],
    ["GET", "/info/refs?SERVICE=git-receive-pack"],
    ["GET", "/info/refs?%73ervice=git-receive-pack"],
    ["GET", "/info/refs?service=git-upload-pack&service=git-receive-pack"],
    ["GET", "/info/refs?service=git-receive-pack&service=git-upload-pack"],
    ["GET", "/info/refs?service=git-upload-pack;service=git-receive-pack"],
    ["GET", "/info/refs?a=b&service=git-receive-pack"],
    ["GET", "/info/refs?service=git-receive-pack%00"],
    ["GET", "/info/refs?service=git-upload-pack%26service=git-receive-pack"],
    ["GET", "/info/refs?service=+git-receive-pack"],
    ["GET", "/info/refs?service=git-upload-archive"],
    ["GET", "/info/refs?service="],
    ["GET", "/info/refs/?service=git-upload-pack"],
    ["GET", "/info%2Frefs?service=git-upload-pack"],
    ["GET", "/info/refs;x?service=git-upload-pack"],
    ["GET", "/info/refs?service=git-upload-pack&a=b"],
    ["POST", "/git-receive-pack"],
    ["POST", "/git-receive-pack/"],
    ["POST", "/GIT-RECEIVE-PACK"],
    ["POST", "/git%2Dreceive%2Dpack"],
    ["POST", "/git-receive-pack;x=1"],
    ["POST", "/git-receive-pack?service=git-upload-pack"],
    ["post", "/git-receive-pack"],
    ["GET", "/git-receive-pack"],
    ["PUT", "/git-upload-pack"],
    ["POST", "/info/refs?service=git-upload-pack"],
    ["POST", "/git-upload-archive"],
    ["POST", "/info/lfs/locks"],
    ["POST", "/info/lfs/locks/verify"],
    ["POST", "/info/lfs/locks/5/unlock"],
    ["DELETE", "/info/lfs/locks/5"],
    ["PUT", "/info/lfs/objects/batch"],
    ["PUT", "/objects/pack/pack-1.pack"],
    ["MKCOL", "/refs/heads/x"],
    ["PROPFIND", "/info/refs"],
    ["LOCK", "/refs/heads/main"],
    ["MOVE", "/refs/heads/main"],
    ["POST", "/settings"],
  ])("P50 writing is refused: %s %s", (method, path) => {
    expect(ro({ method, url: github + path })).toBe("403 read-only");
    expect(ro({ method, url: `https://git.example.com/acme/app.git${path}` }, { network: "open" })).toBe(
      "403 read-only",
    );
  });

  it("P50 a git host without a rule may be fetched from", () => {
    expect(ro({ method: "POST", url: "https://git.example.com/a.git/git-upload-pack" }, { network: "open" })).toBe(
      "forward",
    );
    expect(ro({ url: "https://git.example.com/a.git/info/refs?service=git-upload-pack" }, { network: "open" })).toBe(
      "forward",
    );
  });

  it.each([
    ["download", undefined],
    ["upload", "read-only"],
    ["Download", "read-only"],
    ["DOWNLOAD", "read-only"],
    ["", "read-only"],
    [null, "read-only"],
    [["download"], "read-only"],
    [{ a: "download" }, "read-only"],
  ])("P50 an LFS batch with operation %j → %s", (operation, code) => {
    const body = Buffer.from(JSON.stringify({ operation, objects: [{ oid: "0", size: 1 }], transfers: ["basic"] }));
    expect(checkBody("lfs-download", body)?.code).toBe(code);
  });

  it.each([
    '{"operation":"download","operation":"upload"}',
    '{"operation":"upload","operation":"download"}',
    '{"operation":"upload","oper\\u0061tion":"download"}',
    '{"\\u006fperation":"download","operation":"upload"}',
    '{"operation":"download"',
    "",
    "operation=download",
    '\ufeff{"operation":"download"}{"operation":"upload"}',
  ])("P50 the LFS body %s is refused: it can be read in two ways", (body) => {
    expect(checkBody("lfs-download", Buffer.from(body))?.code).toBe("body-unreadable");
  });

  it("P50 a member of the same name further in changes nothing", () => {
    const body = '{"ref":{"operation":"upload"},"operation":"download","objects":[{"operation":"upload"}]}';
    expect(checkBody("lfs-download", Buffer.from(body))).toBeUndefined();
  });

  it.each(["gzip", "deflate", "br", "zstd", "GZIP", "identity, gzip", "x"])(
    "P50 a batch compressed with %s is refused",
    (encoding) => {
      expect(
        ro({ method: "POST", url: `${github}/info/lfs/objects/batch`, headers: { "content-encoding": encoding } }),
      ).toBe("403 body-unreadable");
    },
  );
});

describe("method tricks in a read-only session", () => {
  it.each([
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "PROPPATCH",
    "PROPFIND",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "post",
    "Post",
    "delete",
    "get",
    "Get",
    "LINK",
    "PURGE",
    "QUERY",
    "SEARCH",
    "BREW",
    "X",
    "M-SEARCH",
    "UPDATE",
    "PRI",
  ])("P51 the method %s is refused", (method) => {
    expect(ro({ method, url: `${api}/repos/a/b/issues` })).toBe("403 read-only");
    expect(ro({ method, url: "https://example.com/x" }, { network: "open" })).toBe("403 read-only");
    expect(ro({ method, url: "http://example.com/x" }, { network: "open" })).toBe("403 read-only");
  });

  it.each(["GET", "HEAD", "OPTIONS"])("P51 %s passes", (method) => {
    expect(ro({ method, url: `${api}/repos/a/b/issues` })).toBe("inject github");
    expect(ro({ method, url: "https://example.com/x" }, { network: "open" })).toBe("forward");
  });

  it.each([
    "X-HTTP-Method-Override",
    "x-http-method-override",
    "X-HTTP-Method",
    "X-Method-Override",
    "X_HTTP_METHOD_OVERRIDE",
    "X-Original-Method",
  ])("P51 the header %s is refused", (name) => {
    for (const method of ["GET", "POST"]) {
      expect(ro({ method, url: `${api}/repos/a/b`, headers: { [name]: "DELETE" } })).toBe("403 read-only");
      expect(ro({ method, url: "https://api.anthropic.com/v1/messages", headers: { [name]: "GET" } })).toBe(
        "403 read-only",
      );
    }
  });

  it.each(["_method=DELETE", "a=b&_method=put", "_METHOD=DELETE", "%5fmethod=DELETE", "a;_method=PUT", "_method"])(
    "P51 the query %s is refused",
    (query) => {
      expect(ro({ url: `${api}/repos/a/b?${query}` })).toBe("403 read-only");
    },
  );

  it.each([
    { "content-length": "5" },
    { "Content-Length": "00" },
    { "transfer-encoding": "chunked" },
    { "Transfer-Encoding": "identity" },
  ])("P51 a GET with a body (%j) is refused", (headers) => {
    expect(ro({ url: `${api}/repos/a/b`, headers: { ...headers } })).toBe("403 read-only");
  });

  it("P51 a GET that says it has no body passes", () => {
    expect(ro({ url: `${api}/repos/a/b`, headers: { "content-length": "0" } })).toBe("inject github");
  });
});

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

  it.each([
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
  ])("P52 %j is refused", (query) => {
    expect(body({ query })).toBe("read-only");
    expect(body({ query, operationName: "A" })).toBe("read-only");
    expect(body([{ query: "{ a }" }, { query }])).toBe("read-only");
    expect(body([{ query }, { query: "{ a }" }])).toBe("read-only");
  });

  it.each([
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
  ])("P52 %j is refused: it cannot be read for certain", (value) => {
    expect(body(JSON.stringify(value))).toBe("body-unreadable");
  });

  it.each([
    '{"query":"{ a }","query":"mutation { b }"}',
    '{"query":"mutation { b }","query":"{ a }"}',
    '{"qu\\u0065ry":"{ a }","query":"mutation { b }"}',
    '[{"query":"{ a }"},{"query":"{ a }","query":"mutation { b }"}]',
    '{"query":"{ a }"} {"query":"mutation { b }"}',
    "query=mutation{b}",
    '{"query":"{ a }",}',
    "",
  ])("P52 the body %s is refused", (text) => {
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

describe("models in a read-only session", () => {
  it.each([
    ["https://api.anthropic.com/v1/messages", "inject anthropic"],
    ["https://api.anthropic.com/v1/messages?beta=true", "inject anthropic"],
    ["https://api.anthropic.com/v1/messages/count_tokens", "inject anthropic"],
    ["https://api.anthropic.com/api/event_logging/v2/batch", "inject anthropic"],
    ["https://api.openai.com/v1/responses", "inject openai"],
    ["https://api.openai.com/v1/chat/completions", "inject openai"],
    ["https://api.openai.com/v1/embeddings", "inject openai"],
    ["https://chatgpt.com/backend-api/codex/responses", "inject codex-access"],
    [
      "https://generativelanguage.googleapis.com/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse",
      "inject gemini",
    ],
    ["https://generativelanguage.googleapis.com/v1beta/models/gemini-3.8-flash:countTokens", "inject gemini"],
  ])("models stay usable: POST %s", (url, expected) => {
    expect(ro({ method: "POST", url })).toBe(expected);
  });

  it.each([
    // https://docs.claude.com/en/api/files-create, /creating-message-batches, /skills
    ["POST", "https://api.anthropic.com/v1/files"],
    ["POST", "https://api.anthropic.com/v1/messages/batches"],
    ["POST", "https://api.anthropic.com/v1/messages/batches/x/cancel"],
    ["POST", "https://api.anthropic.com/v1/skills"],
    ["DELETE", "https://api.anthropic.com/v1/files/x"],
    ["POST", "https://api.anthropic.com/v1/organizations/invites"],
    ["POST", "https://api.anthropic.com/v1/messages/"],
    ["POST", "https://api.anthropic.com/v1/messages;x"],
    ["POST", "https://api.anthropic.com/v1/Messages"],
    ["POST", "https://api.anthropic.com/v1/messages%2Fbatches"],
    // https://platform.openai.com/docs/api-reference/files/create, /batch, /fine-tuning, /uploads, /assistants, /vector-stores, /evals, /containers
    ["POST", "https://api.openai.com/v1/files"],
    ["POST", "https://api.openai.com/v1/batches"],
    ["POST", "https://api.openai.com/v1/fine_tuning/jobs"],
    ["POST", "https://api.openai.com/v1/uploads"],
    ["POST", "https://api.openai.com/v1/assistants"],
    ["POST", "https://api.openai.com/v1/threads"],
    ["POST", "https://api.openai.com/v1/vector_stores"],
    ["POST", "https://api.openai.com/v1/evals"],
    ["POST", "https://api.openai.com/v1/containers"],
    ["POST", "https://api.openai.com/v1/conversations"],
    ["POST", "https://api.openai.com/v1/responses/x/cancel"],
    ["DELETE", "https://api.openai.com/v1/responses/x"],
    ["POST", "https://api.openai.com/v1/organization/users/x"],
    ["POST", "https://chatgpt.com/backend-api/conversation"],
    // https://ai.google.dev/api/files, /caching, /batch-mode, /tuning
    ["POST", "https://generativelanguage.googleapis.com/upload/v1beta/files"],
    ["POST", "https://generativelanguage.googleapis.com/v1beta/cachedContents"],
    ["POST", "https://generativelanguage.googleapis.com/v1beta/models/g:batchGenerateContent"],
    ["POST", "https://generativelanguage.googleapis.com/v1beta/tunedModels"],
    ["POST", "https://generativelanguage.googleapis.com/v1beta/models/a/b:generateContent"],
    ["POST", "https://generativelanguage.googleapis.com/v1beta/corpora"],
    // https://docs.github.com/en/rest: branches, dispatches, gists, and what else writes by POST
    ["POST", `${api}/repos/a/b/merge-upstream`],
    ["POST", `${api}/repos/a/b/dispatches`],
    ["POST", `${api}/repos/a/b/actions/workflows/1/dispatches`],
    ["POST", `${api}/gists`],
    ["POST", `${api}/repos/a/b/forks`],
    ["POST", `${api}/repos/a/b/pulls`],
    ["POST", `${api}/repos/a/b/issues/1/comments`],
    ["PUT", `${api}/user/starred/a/b`],
    ["POST", `${api}/user/repos`],
    ["POST", "https://uploads.github.com/repos/a/b/releases/1/assets"],
    // https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md
    ["PUT", "https://npm.example.com/left-pad"],
    ["PUT", "https://npm.example.com/-/package/left-pad/dist-tags/latest"],
    ["DELETE", "https://npm.example.com/left-pad/-rev/1"],
    ["POST", "https://npm.example.com/-/package/left-pad/access"],
    ["POST", "https://upload.pypi.org/legacy/"],
    ["POST", "https://pypi.org/pypi"],
    // https://github.com/opencontainers/distribution-spec/blob/main/spec.md
    ["POST", "https://registry-1.docker.io/v2/a/blobs/uploads/"],
    ["PUT", "https://registry-1.docker.io/v2/a/manifests/latest"],
    ["PATCH", "https://ghcr.io/v2/a/blobs/uploads/x"],
  ])("P53 a write is refused: %s %s", (method, url) => {
    expect(ro({ method, url })).toBe("403 read-only");
  });

  it.each([
    ["POST", "https://npm.example.com/-/npm/v1/security/advisories/bulk", "inject npm"],
    ["GET", "https://npm.example.com/@scope%2fname", "inject npm"],
    ["GET", "https://npm.example.com/-/npm/v1/tokens", "403 read-only"],
    ["GET", "https://pypi.org/simple/requests/", "forward drops"],
    ["GET", "https://registry-1.docker.io/v2/library/alpine/manifests/latest", "forward drops"],
  ])("registries: %s %s → %s", (method, url, expected) => {
    expect(ro({ method, url })).toBe(expected);
  });

  it.each(["pull", "pull,push", "push", "*", "pull,delete", "PUSH", "pull%2Cpush"])(
    "P53 a registry's token for the actions %s",
    (actions) => {
      const using = engine(undefined, { canReplaceAnswers: true });
      const text = { url: `https://ghcr.io/token?service=ghcr.io&scope=repository:a/b:${actions}` };
      expect(outcome(text, readOnly, using)).toBe(actions === "pull" ? "inject github answer" : "403 read-only");
    },
  );

  it.each([
    ["https://api.openai.com/v1/responses", "inject openai"],
    ["https://chatgpt.com/backend-api/codex/responses", "inject codex-access"],
    ["https://api.openai.com/v1/realtime", "403 read-only"],
    ["https://api.openai.com/v1/realtime?model=gpt-realtime", "403 read-only"],
    ["https://api.openai.com/v1/responses/x", "403 read-only"],
    ["https://api.anthropic.com/v1/messages", "403 read-only"],
    [
      "https://generativelanguage.googleapis.com/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
      "403 read-only",
    ],
    [`${api}/graphql`, "403 read-only"],
    ["https://npm.example.com/left-pad", "403 read-only"],
    [`${github}/info/refs?service=git-upload-pack`, "403 read-only"],
    ["https://eu.sentry.example/api/ws", "403 read-only"],
  ])("P54 a WebSocket to %s → %s", (url, expected) => {
    expect(ro({ url, isUpgrade: true, headers: { connection: "Upgrade", upgrade: "websocket" } })).toBe(expected);
  });

  it("P54 a WebSocket of a host without a rule is refused", () => {
    expect(ro({ url: "https://example.com/socket", isUpgrade: true }, { network: "open" })).toBe("403 read-only");
    expect(outcome({ url: "https://example.com/socket", isUpgrade: true }, { network: "open" })).toBe("forward");
  });

  it("P55 data in the text of a read cannot be stopped: it passes, and is stated as a limit", () => {
    expect(ro({ url: `${api}/search/code?q=${"exfiltrated".repeat(20)}` })).toBe("inject github");
  });
});

describe("parts", () => {
  it.each([
    ["/acme/app.git/git-receive-pack", "", { kind: "push", repository: "acme/app", isPack: true }],
    ["/acme/app/git-upload-pack", "", { kind: "fetch", repository: "acme/app", isPack: false }],
    [
      "/group/sub/app.git/info/refs",
      "service=git-receive-pack",
      { kind: "push", repository: "group/sub/app", isPack: false },
    ],
    ["/acme/app/releases", "", undefined],
    ["/git-receive-pack-docs", "", undefined],
  ])("gitOperation(%s, %s)", (path, query, expected) => {
    expect(gitOperation({ path, query })).toEqual(expected);
  });

  it("queryPairs reads as the most lenient server does", () => {
    expect(queryPairs("A=1&b;c=%41+%42&d=%zz&=e&%C3%A4=%FF")).toEqual([
      ["a", "1"],
      ["b", ""],
      ["c", "A B"],
      ["d", "%zz"],
      ["", "e"],
      ["ä", "\ufffd"],
    ]);
    expect(queryPairs("")).toEqual([]);
  });
});
