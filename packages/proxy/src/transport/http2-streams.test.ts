import { once } from "node:events";
import { constants, type ClientHttp2Session } from "node:http2";

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { ask, http2Through, readReply } from "./testing/http2-client.fixture.ts";
import { answerHello, startHttp2Upstream, type Http2Upstream } from "./testing/http2-upstream.fixture.ts";
import { startTestProxy, type TestProxy } from "./testing/test-proxy.fixture.ts";

let upstream: Http2Upstream;
let test: TestProxy;
let target: string;
let session: ClientHttp2Session;

beforeAll(async () => {
  upstream = await startHttp2Upstream();
  test = await startTestProxy();
  target = `api.test:${upstream.port}`;
  session = await http2Through(test, { target });
});
afterAll(async () => {
  session.destroy();
  await test[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});
beforeEach(() => {
  upstream.calls.length = 0;
  upstream.respond = answerHello;
});

const get = (path = "/"): Record<string, string> => ({ ":path": path, ":authority": target });
const grpc = { "content-type": "application/grpc" };

/** A message as gRPC frames it. */
function message(text: string): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(Buffer.byteLength(text), 1);
  return Buffer.concat([head, Buffer.from(text)]);
}

const call = (path: string): Record<string, string> => ({ ...get(path), ...grpc, ":method": "POST", te: "trailers" });

describe("gRPC", () => {
  it("a unary call: message up, message and status down", async () => {
    upstream.respond = ({ stream }) => {
      stream.respond({ ":status": 200, ...grpc }, { waitForTrailers: true });
      stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", "grpc-message": "fine" }));
      stream.on("data", (chunk: Buffer) => stream.write(chunk));
      stream.on("end", () => stream.end());
    };
    const reply = await ask(session, call("/echo.Echo/Say"), message("hello").toString("latin1"));
    expect(upstream.calls[0]?.headers).toMatchObject({ te: "trailers", "content-type": "application/grpc" });
    expect(reply).toMatchObject({
      status: 200,
      body: message("hello").toString("latin1"),
      trailers: { "grpc-status": "0", "grpc-message": "fine" },
      resetCode: 0,
    });
  });

  it("server streaming: message by message as they are sent, the status last", async () => {
    upstream.respond = ({ stream }) => {
      stream.respond({ ":status": 200, ...grpc }, { waitForTrailers: true });
      stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "7" }));
    };
    const stream = session.request(call("/echo.Echo/Count"), { endStream: true });
    await once(stream, "response");
    for (const text of ["one", "two", "three"]) {
      const came = once(stream, "data");
      upstream.calls[0]?.stream.write(message(text));
      expect((await came)[0]).toEqual(message(text));
    }
    const reply = readReply(stream);
    upstream.calls[0]?.stream.end();
    expect((await reply).trailers).toMatchObject({ "grpc-status": "7" });
  });

  it("both ways at once: an answer begins while the request goes on", async () => {
    upstream.respond = ({ stream }) => {
      stream.respond({ ":status": 200, ...grpc }, { waitForTrailers: true });
      stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.on("data", (chunk: Buffer) => stream.write(chunk));
      stream.on("end", () => stream.end());
    };
    const stream = session.request(call("/echo.Echo/Chat"));
    await once(stream, "response");
    for (const text of ["ping", "pong"]) {
      const came = once(stream, "data");
      stream.write(message(text));
      expect((await came)[0]).toEqual(message(text));
    }
    const reply = readReply(stream);
    stream.end();
    expect((await reply).trailers).toMatchObject({ "grpc-status": "0" });
  });

  it("a status without a message stays one head that ends the stream", async () => {
    upstream.respond = ({ stream }) => {
      stream.respond({ ":status": 200, ...grpc, "grpc-status": "12" }, { endStream: true });
    };
    const stream = session.request(call("/echo.Echo/Nothing"), { endStream: true });
    stream.resume();
    const [headers, flags] = (await once(stream, "response")) as [Record<string, string>, number];
    expect(headers["grpc-status"]).toBe("12");
    expect(flags & constants.NGHTTP2_FLAG_END_STREAM).toBe(constants.NGHTTP2_FLAG_END_STREAM);
  });

  it("messages that could not be searched for the credential are not asked for, and refused", async () => {
    upstream.respond = ({ stream }) => {
      stream.respond({ ":status": 200, ...grpc, "grpc-encoding": "gzip" });
      stream.end(message("packed"));
    };
    const reply = await ask(session, { ...call("/echo.Echo/Packed"), "grpc-accept-encoding": "gzip" }, "");
    expect(reply).toMatchObject({ status: 502, headers: { "clauderon-refusal": "answer-unreadable" } });
    expect(upstream.calls[0]?.headers).not.toHaveProperty("grpc-accept-encoding");
  });
});

describe("one stream among others", () => {
  it("an answer that breaks off is reset, never ended, and the others go on", async () => {
    upstream.respond = (incoming) => {
      const { stream, headers } = incoming;
      if (headers[":path"] !== "/broken") {
        answerHello(incoming);
        return;
      }
      // Node ends a stream that it resets, except one that waits for its trailers.
      stream.respond({ ":status": 200 }, { waitForTrailers: true });
      stream.write("half");
    };
    const stream = session.request(get("/broken"));
    await once(stream, "response");
    const reply = readReply(stream);
    upstream.calls[0]?.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    expect((await reply).resetCode).not.toBe(0);
    expect((await ask(session, get())).body).toBe("hello");
  });

  it("a client that resets one stream cancels one upstream request", async () => {
    upstream.respond = ({ stream }) => {
      stream.respond({ ":status": 200 });
      stream.write("more to come");
    };
    const [first, second] = [session.request(get("/first")), session.request(get("/second"))];
    await Promise.all([once(first, "data"), once(second, "data")]);
    const calls = new Map(upstream.calls.map(({ stream, headers }) => [headers[":path"], stream]));
    const cancelled = new Promise((fulfil) => calls.get("/first")?.once("close", fulfil));
    first.on("error", () => undefined);
    first.close(constants.NGHTTP2_CANCEL);
    await cancelled;
    const reply = readReply(second);
    calls.get("/second")?.end(", and this is all");
    expect((await reply).body).toBe(", and this is all");
    await expect.poll(async () => (await test.proxy.status()).requests).toBe(0);
  });

  it("a body that breaks off does not reach the upstream as a whole one", async () => {
    let isEnded = false;
    upstream.respond = ({ stream }) => {
      stream.on("data", () => undefined);
      stream.once("end", () => {
        isEnded = !stream.aborted && stream.rstCode === 0;
      });
    };
    const stream = session.request({ ...get("/upload"), ":method": "POST" });
    stream.on("error", () => undefined);
    stream.write("the first half");
    await expect.poll(() => upstream.calls.length).toBe(1);
    const closed = new Promise((fulfil) => upstream.calls[0]?.stream.once("close", fulfil));
    // Not by `close`, with which Node ends the body first.
    stream.destroy(new Error("gone"));
    await closed;
    expect(isEnded).toBe(false);
  });

  it("a reader that reads nothing holds its own answer up, and no other", async () => {
    const whole = 16 * 1024 * 1024;
    let taken = 0;
    upstream.respond = (incoming) => {
      const { stream, headers } = incoming;
      if (headers[":path"] !== "/large") {
        answerHello(incoming);
        return;
      }
      stream.respond({ ":status": 200 });
      const piece = Buffer.alloc(64 * 1024, "x");
      const more = (): void => {
        while (taken < whole) {
          taken += piece.length;
          if (!stream.write(piece)) return;
        }
        stream.end();
      };
      stream.on("drain", more);
      more();
    };
    const stream = session.request(get("/large"));
    stream.pause();
    await once(stream, "response");
    for (let round = 0; round < 20; round += 1) expect((await ask(session, get())).body).toBe("hello");
    expect(taken).toBeLessThan(2 * 1024 * 1024);
    const reply = await readReply(stream);
    expect(reply.body).toHaveLength(whole);
  });

  it("a session that ends takes its connections with it", async () => {
    const { token } = await test.proxy.identities.add({
      sessionId: "short",
      sessionName: "short",
      policy: { accessMode: "read-write", network: "listed", allow: [], deny: [], isIsolated: true },
    });
    const authorization = `Basic ${Buffer.from(`short:${token}`).toString("base64")}`;
    const own = await http2Through({ ...test, authorization }, { target });
    upstream.respond = ({ stream }) => stream.respond({ ":status": 200 });
    const stream = own.request(get("/open"));
    await once(stream, "response");
    const reply = readReply(stream);
    const cancelled = new Promise((fulfil) => upstream.calls[0]?.stream.once("close", fulfil));
    await test.proxy.identities.remove("short");
    await Promise.all([reply, cancelled]);
    expect(own.destroyed || own.closed).toBe(true);
  });
});
