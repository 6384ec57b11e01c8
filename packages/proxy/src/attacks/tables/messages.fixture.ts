/** Messages of HTTP/1.1 as bytes; `TARGET` stands for the tunnel's host and port. */
const get = (path: string, headers = ""): string => `GET ${path} HTTP/1.1\r\nHost: TARGET\r\n${headers}\r\n`;
const post = (lines: string, body = ""): string => `POST /a HTTP/1.1\r\nHost: TARGET\r\n${lines}\r\n\r\n${body}`;

/** Name, message, status: another authority than the tunnel, in every place where one can stand. */
export const foreignAuthorities: readonly (readonly [name: string, message: string, status: number])[] = [
  ["another host", `GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n`, 421],
  ["another port", `GET / HTTP/1.1\r\nHost: api.test:1\r\n\r\n`, 421],
  ["two hosts", `GET / HTTP/1.1\r\nHost: TARGET\r\nHost: evil.test\r\n\r\n`, 421],
  ["two equal hosts", `GET / HTTP/1.1\r\nHost: TARGET\r\nhost: TARGET\r\n\r\n`, 421],
  ["a list of hosts", `GET / HTTP/1.1\r\nHost: TARGET, evil.test\r\n\r\n`, 421],
  ["user information", `GET / HTTP/1.1\r\nHost: TARGET@evil.test\r\n\r\n`, 421],
  ["no host", `GET / HTTP/1.1\r\nX-A: b\r\n\r\n`, 400],
  ["no host in 1.0", `GET / HTTP/1.0\r\n\r\n`, 400],
  ["P23 absolute form", `GET https://evil.test/ HTTP/1.1\r\nHost: TARGET\r\n\r\n`, 400],
  ["P23 absolute form of the same host", `GET https://TARGET/ HTTP/1.1\r\nHost: TARGET\r\n\r\n`, 400],
  ["P23 asterisk form", `OPTIONS * HTTP/1.1\r\nHost: TARGET\r\n\r\n`, 400],
  ["P23 authority form", `GET evil.test:443 HTTP/1.1\r\nHost: TARGET\r\n\r\n`, 400],
  ["P23 two slashes", `GET //evil.test/ HTTP/1.1\r\nHost: TARGET\r\n\r\n`, 400],
  ["P23 nested CONNECT", `CONNECT evil.test:443 HTTP/1.1\r\nHost: TARGET\r\n\r\n`, 400],
  ["P43 dot segments", `GET /a/../../user/%2e%2e/ HTTP/1.1\r\nHost: TARGET\r\n\r\n`, 400],
  ["P43 semicolon dots", `GET /a/..;/b HTTP/1.1\r\nHost: TARGET\r\n\r\n`, 400],
  ["P26 TRACE", `TRACE / HTTP/1.1\r\nHost: TARGET\r\n\r\n`, 400],
  ["P26 TRACK", `TRACK / HTTP/1.1\r\nHost: TARGET\r\n\r\n`, 400],
];

/** Name and message: where it ends, or what it says, can be read in two ways. */
export const ambiguousMessages: readonly (readonly [name: string, message: string])[] = [
  ["length and chunks", post("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\nGET /x HTTP/1.1\r\n\r\n")],
  ["chunks and length", post("Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n")],
  ["two lengths", post("Content-Length: 5\r\nContent-Length: 6", "hello!")],
  ["two equal lengths", post("Content-Length: 5\r\nContent-Length: 5", "hello")],
  ["a list of lengths", post("Content-Length: 5, 5", "hello")],
  ["a signed length", post("Content-Length: +5", "hello")],
  ["a negative length", post("Content-Length: -5", "hello")],
  ["a length in hex", post("Content-Length: 0x5", "hello")],
  ["an unknown coding", post("Transfer-Encoding: xchunked", "0\r\n\r\n")],
  ["two codings", post("Transfer-Encoding: gzip, chunked", "0\r\n\r\n")],
  ["chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n")],
  ["chunked and identity", post("Transfer-Encoding: chunked, identity", "0\r\n\r\n")],
  ["space before the colon", post("Content-Length : 5", "hello")],
  ["a folded header", post("X-A: b\r\n c\r\nContent-Length: 0")],
  ["bare line feeds", "GET /a HTTP/1.1\nHost: TARGET\n\n"],
  ["a bare line feed in a header", `GET /a HTTP/1.1\r\nHost: TARGET\r\nX-A: b\nX-C: d\r\n\r\n`],
  ["a bare carriage return", `GET /a HTTP/1.1\r\nHost: TARGET\r\nX-A: b\rX-C: d\r\n\r\n`],
  ["NUL in a value", get("/a", "X-A: b\0c\r\n")],
  ["NUL in a name", get("/a", "X-\0A: b\r\n")],
  ["a header without a colon", get("/a", "X-A\r\n")],
  ["an empty name", get("/a", ": b\r\n")],
  ["no version", "GET /a\r\nHost: TARGET\r\n\r\n"],
  ["version 2.0", "GET /a HTTP/2.0\r\nHost: TARGET\r\n\r\n"],
  ["version 1.2", "GET /a HTTP/1.2\r\nHost: TARGET\r\n\r\n"],
  ["a space in the target", "GET /a b HTTP/1.1\r\nHost: TARGET\r\n\r\n"],
  ["chunks in 1.0", "POST /a HTTP/1.0\r\nHost: TARGET\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["a space in the method", "GE T /a HTTP/1.1\r\nHost: TARGET\r\n\r\n"],
];

/** Name and chunks that only look like an end. */
export const ambiguousChunks: readonly (readonly [name: string, chunks: string])[] = [
  ["a size in 0x", "0x5\r\nhello\r\n0\r\n\r\n"],
  ["a size too large", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"],
  ["line feeds only", "5\nhello\n0\n\n"],
  ["a size with a sign", "+5\r\nhello\r\n0\r\n\r\n"],
  ["a chunk longer than said", "2\r\nhello\r\n0\r\n\r\n"],
  ["a carriage return alone behind a chunk", "5\r\nhello\rX0\r\n\r\n"],
];

/** Name, headers, and the trace that must not go upstream: what a client adds to the credential that is put in. */
export const secondCredentials: readonly (readonly [name: string, headers: string, trace: RegExp])[] = [
  ["a second authorization", "Authorization: Bearer a\r\nauthorization: Basic b\r\n", /bearer a|basic b/iu],
  ["another vendor's header", "X-Api-Key: attacker\r\n", /attacker/u],
  ["with underscores", "X_Api_Key: attacker\r\nX_GOOG_API_KEY: attacker\r\n", /attacker/u],
  ["a cookie", "Cookie: session=attacker\r\n", /attacker/u],
];

/** Name and message: more than a head may hold. */
export const oversizedHeads: readonly (readonly [name: string, message: string])[] = [
  ["64 KiB of headers", get("/a", `X-A: ${"a".repeat(66_000)}\r\n`)],
  ["101 headers", get("/a", Array.from({ length: 100 }, (_, index) => `X-${index}: a\r\n`).join(""))],
  ["a target of 9 KiB", get(`/${"a".repeat(9000)}`)],
];

/** The values of Host lines that are not the one host of the tunnel. One row each, as `it.each` takes them. */
export const foreignHosts: readonly (readonly [readonly string[]])[] = [
  [["evil.example"]],
  [["api.github.com.evil.example"]],
  [["github.com"]],
  [["api.github.com:80"]],
  [["api.github.com:8443"]],
  [["api.github.com", "evil.example"]],
  [["api.github.com", "api.github.com"]],
  [["evil.example", "api.github.com"]],
  [["api.github.com, evil.example"]],
  [["api.github.com@evil.example"]],
  [["evil.example#api.github.com"]],
  [[""]],
  [["api.github.com\t"]],
];

/** No tokens. */
export const malformedMethods: readonly string[] = [
  "GET ",
  "G\0ET",
  "GE\rT",
  "",
  "GET/",
  "GËT",
  "A".repeat(33),
  "GET\u007f",
  "(GET)",
];

/** Names and values that HTTP forbids. */
export const malformedHeaders: readonly (readonly [name: string, value: string])[] = [
  ["x-a", "b\r\nX-Injected: 1"],
  ["x-a", "b\nc"],
  ["x-a", "b\0c"],
  ["x a", "b"],
  ["x-a:", "b"],
  ["", "b"],
  ["x\r\ny", "b"],
];
