import { connect, type Socket } from "node:net";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { Http1Pool } from "./http1-pool.ts";
import { answer, startRecordingUpstream, type RecordingUpstream } from "./testing/recording-upstream.fixture.ts";

let upstream: RecordingUpstream;
let pool: Http1Pool;
let dials = 0;
let keepMs = 4000;
let answerHeadMs = 20_000;

beforeEach(async () => {
  dials = 0;
  keepMs = 4000;
  answerHeadMs = 20_000;
  upstream = await startRecordingUpstream({ isPlain: true });
});
afterEach(async () => {
  pool.destroy(new Error("the test is over"));
  await upstream[Symbol.asyncDispose]();
});

function openPool(connections = 2): void {
  const dial = async (): Promise<Socket> => {
    dials += 1;
    const socket = connect({ port: upstream.port, host: "127.0.0.1" });
    await new Promise((resolve, reject) => {
      socket.once("connect", resolve).once("error", reject);
    });
    return socket;
  };
  pool = new Http1Pool({ connections, headerBytes: 1000, answerHeadMs, keepMs, dial });
}

/** The answer's body, or the code of what went wrong. */
async function ask(
  path: string,
  options: { readonly headers?: readonly string[]; readonly isGone?: boolean } = {},
): Promise<string> {
  return new Promise((resolve) => {
    let body = "";
    pool.dispatch(
      { method: "GET", path, headers: ["host", "api.test", ...(options.headers ?? [])], body: null },
      {
        onRequestStart() {
          if (options.isGone === true) throw Object.assign(new Error("gone"), { code: "GONE" });
        },
        onResponseStart: () => undefined,
        onResponseData(_controller, chunk) {
          body += chunk.toString("latin1");
        },
        onResponseEnd: () => resolve(body),
        onResponseError: (_controller, error) => resolve((error as Error & { code?: string }).code ?? error.message),
      },
    );
  });
}

describe("a connection", () => {
  it("carries one request after the other", async () => {
    openPool();
    for (const path of ["/a", "/b", "/c"]) expect(await ask(path)).toBe("ok");
    expect(dials).toBe(1);
    expect(
      upstream.text.match(/GET \/[abc] HTTP\/1.1\r\nhost: api.test\r\nconnection: keep-alive\r\n\r\n/gu),
    ).toHaveLength(3);
  });

  it("that sent more than was asked for answers nobody else", async () => {
    upstream.respond = ({ socket, text }) => {
      if (text.endsWith("\r\n\r\n"))
        socket.write(
          answer(text.includes("/poison") ? "first" : "ok") + (text.includes("/poison") ? answer("poison") : ""),
        );
    };
    openPool(1);
    expect(await ask("/poison")).toBe("first");
    expect(await ask("/b")).toBe("ok");
    expect(dials).toBe(2);
  });

  it("that says something while nobody asks is closed", async () => {
    openPool(1);
    expect(await ask("/a")).toBe("ok");
    upstream.connections[0]?.socket.write(answer("poison"));
    await upstream.until(() => upstream.connections[0]?.isClosed === true);
    expect(await ask("/b")).toBe("ok");
    expect(dials).toBe(2);
  });

  it("that the server will close soon is not used again", async () => {
    upstream.respond = ({ socket, text }) => {
      if (text.endsWith("\r\n\r\n")) socket.write(answer("ok", ["keep-alive: timeout=1"]));
    };
    openPool(1);
    expect(await ask("/a")).toBe("ok");
    expect(await ask("/b")).toBe("ok");
    expect(dials).toBe(2);
  });

  it("that idles is closed in time", async () => {
    keepMs = 50;
    openPool(1);
    expect(await ask("/a")).toBe("ok");
    await upstream.until(() => upstream.connections[0]?.isClosed === true);
  });
});

describe("a request", () => {
  it("waits for its turn when all connections are in use", async () => {
    openPool(2);
    const answers = await Promise.all(Array.from({ length: 20 }, async (_, index) => ask(`/${index}`)));
    expect(answers).toEqual(Array.from({ length: 20 }, () => "ok"));
    expect(dials).toBe(2);
  });

  it("whose client has gone is not sent, and its connection serves the next", async () => {
    openPool(1);
    const [gone, next] = await Promise.all([ask("/gone", { isGone: true }), ask("/next")]);
    expect({ gone, next, dials }).toEqual({ gone: "GONE", next: "ok", dials: 1 });
    expect(upstream.text).not.toContain("/gone");
  });

  it.each([
    ["in its path", "/a b", []],
    ["in a header's value", "/a", ["x", "1\r\ny: 2"]],
    ["in a header's name", "/a", ["x: 1\r\ny", "2"]],
    ["in its path's line", "/a HTTP/1.1\r\nx: y\r\n\r\nGET /b", []],
  ])("with a line too many %s is not sent", async (_name, path, headers) => {
    openPool(1);
    expect(await ask(path, { headers })).toBe("REQUEST_MALFORMED");
    expect(await ask("/next")).toBe("ok");
    expect(upstream.text.match(/GET /gu)).toHaveLength(1);
  });

  it.each([
    ["a length without a body", ["content-length", "5"]],
    ["another framing", ["transfer-encoding", "chunked"]],
  ])("with %s is not sent: the next one would be taken for its body", async (_name, headers) => {
    openPool(1);
    expect(await ask("/a", { headers })).toBe("REQUEST_MALFORMED");
    expect(await ask("/next")).toBe("ok");
    expect(upstream.text.match(/GET /gu)).toHaveLength(1);
  });

  it("that nobody answers in time fails, and is not sent again", async () => {
    answerHeadMs = 100;
    upstream.respond = () => undefined;
    openPool(1);
    expect(await ask("/slow")).toBe("ANSWER_SLOW");
    expect(upstream.text.match(/GET /gu)).toHaveLength(1);
  });

  it("whose connection breaks off fails, and is not sent again", async () => {
    upstream.respond = ({ socket }) => socket.destroy();
    openPool(1);
    expect(await ask("/a")).toMatch(/UPSTREAM_CLOSED|ECONNRESET/u);
    expect(upstream.text.match(/GET /gu)).toHaveLength(1);
  });

  it("fails with the pool, also one that waits", async () => {
    upstream.respond = () => undefined;
    openPool(1);
    const answers = Promise.all([ask("/a"), ask("/b")]);
    await upstream.until(() => upstream.text.includes("GET /a"));
    pool.destroy(new Error("over"));
    expect(await answers).toEqual(["over", "over"]);
    expect(await ask("/c")).toBe("POOL_CLOSED");
  });

  it("in flight or waiting ends well when the pool is closed", async () => {
    openPool(1);
    const answers = Promise.all([ask("/a"), ask("/b")]);
    pool.close();
    expect(await answers).toEqual(["ok", "ok"]);
    await upstream.until(() => upstream.connections.every(({ isClosed }) => isClosed));
  });
});
