/** Heads of HTTP/2 requests, line by line; `TARGET` stands for the tunnel's host and port. */
export type Line = readonly [name: string, value: string];

/** One that is served. */
export const goodRequest: readonly Line[] = [
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "TARGET"],
  [":path", "/"],
];

const having = (changed: string, to: string): readonly Line[] =>
  goodRequest.map(([name, value]) => [name, name === changed ? to : value]);

/** Name and lines of requests that are malformed, or for another authority. */
export const malformedHttp2: readonly (readonly [name: string, lines: readonly Line[]])[] = [
  ["connection", [...goodRequest, ["connection", "authorization"]]],
  ["keep-alive", [...goodRequest, ["keep-alive", "timeout=5"]]],
  ["proxy-connection", [...goodRequest, ["proxy-connection", "keep-alive"]]],
  ["transfer-encoding", [...goodRequest, ["transfer-encoding", "chunked"]]],
  ["upgrade", [...goodRequest, ["upgrade", "websocket"]]],
  ["http2-settings", [...goodRequest, ["http2-settings", "AAMAAABk"]]],
  ["te other than trailers", [...goodRequest, ["te", "gzip"]]],
  ["a name in upper case", [...goodRequest, ["X-Upper", "1"]]],
  ["two :path", [...goodRequest, [":path", "/other"]]],
  ["a pseudo-header behind a header", [...goodRequest.slice(0, 3), ["accept", "*/*"], [":path", "/"]]],
  ["an unknown pseudo-header", [...goodRequest, [":verb", "GET"]]],
  ["no :path", goodRequest.slice(0, 3)],
  ["an empty :path", [...goodRequest.slice(0, 3), [":path", ""]]],
  ["no :method", goodRequest.slice(1)],
  ["no :authority", goodRequest.filter(([name]) => name !== ":authority")],
  ["another :authority", having(":authority", "evil.test")],
  ["userinfo in :authority", having(":authority", "a@TARGET")],
  ["a Host that differs", [...goodRequest, ["host", "evil.test"]]],
  ["another scheme", having(":scheme", "http")],
  ["an absolute :path", having(":path", "https://evil.test/")],
  ["dot segments", having(":path", "/a/../%2e%2e/b")],
  ["a length without a body", [...goodRequest, ["content-length", "5"]]],
  ["two lengths", [...goodRequest, ["content-length", "0"], ["content-length", "0"]]],
  [
    "CONNECT",
    [
      [":method", "CONNECT"],
      [":authority", "evil.test:443"],
    ],
  ],
  ["extended CONNECT (WebSocket)", [...having(":method", "CONNECT"), [":protocol", "websocket"]]],
  ["TRACE", having(":method", "TRACE")],
];
