import type { ClientHttp2Session } from "node:http2";

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { http2Through, readReply } from "./testing/http2-client.fixture.ts";
import { startHttp2Upstream, type Http2Upstream } from "./testing/http2-upstream.fixture.ts";
import { answer, startRecordingUpstream, type RecordingUpstream } from "./testing/recording-upstream.fixture.ts";
import { isWholeAnswer, readUntil, startTestProxy, tlsThrough, type TestProxy } from "./testing/test-proxy.fixture.ts";

let upstream: RecordingUpstream;
let test: TestProxy;
let target: string;

beforeAll(async () => {
  upstream = await startRecordingUpstream();
  test = await startTestProxy();
  target = `api.test:${upstream.port}`;
});
afterAll(async () => {
  await test[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});
beforeEach(() => {
  upstream.clear();
  upstream.respond = ({ socket, text }) => {
    if (/(?:0\r\n(?:[^\r]+\r\n)*\r\n|hello)$/u.test(text)) socket.write(answer("ok"));
  };
});

async function send(fields: string, body: string): Promise<string> {
  const tls = await tlsThrough(test, { target });
  const answered = readUntil(tls, isWholeAnswer);
  tls.write(`POST /up HTTP/1.1\r\nHost: ${target}\r\n${fields}\r\n${body}`, "latin1");
  const { text } = await answered;
  tls.destroy();
  return text;
}

const chunked = "Transfer-Encoding: chunked\r\n";
const whole = /^0\r\n\r\n$/mu;

describe("trailers of a request of HTTP/1.1", () => {
  it.each([
    ["that would be credentials", "Authorization: Bearer other\r\n"],
    ["that say where it goes", "Host: evil.test\r\n"],
    ["that mean nothing here", "X-Checksum: 1\r\n"],
  ])("%s are refused, and the upstream gets no whole request", async (_name, trailers) => {
    const text = await send(chunked, `5\r\nhello\r\n0\r\n${trailers}\r\n`);
    expect(text).toMatch(/^HTTP\/1.1 400 /u);
    expect(text).toMatch(/clauderon-refusal: trailers-refused/iu);
    expect(text).toMatch(/fix: send these fields as headers/u);
    await upstream.until(() => upstream.connections.every(({ text: sent, isClosed }) => sent === "" || isClosed));
    expect(upstream.text).not.toMatch(whole);
    expect(upstream.text).not.toMatch(/other|evil|checksum/iu);
    expect(test.records.at(-1)).toMatchObject({ decision: "blocked", reason: "trailers-refused" });
  });

  it("that are announced are refused before anything goes upstream", async () => {
    const text = await send(`${chunked}Trailer: X-Checksum\r\n`, "5\r\nhello\r\n0\r\nX-Checksum: 1\r\n\r\n");
    expect(text).toMatch(/^HTTP\/1.1 400 [^]*trailers-refused/iu);
    expect(upstream.text).toBe("");
  });

  it("that are none change nothing", async () => {
    expect(await send(chunked, "5\r\nhello\r\n0\r\n\r\n")).toMatch(/^HTTP\/1.1 200 /u);
    expect(upstream.text).toMatch(whole);
  });
});

describe("trailers of a request of HTTP/2", () => {
  let upstream2: Http2Upstream;
  let session: ClientHttp2Session;
  let path: Record<string, string>;

  beforeAll(async () => {
    upstream2 = await startHttp2Upstream();
    const target2 = `api.test:${upstream2.port}`;
    session = await http2Through(test, { target: target2 });
    path = { ":path": "/up", ":authority": target2, ":method": "POST" };
  });
  afterAll(async () => {
    session.destroy();
    await upstream2[Symbol.asyncDispose]();
  });

  /** What the upstream got of the body, and whether that was all. */
  function listen(): Promise<{ readonly body: string; readonly isWhole: boolean }> {
    return new Promise((fulfil) => {
      upstream2.respond = ({ stream }) => {
        let body = "";
        let isWhole = false;
        stream.on("data", (chunk: Buffer) => {
          body += chunk.toString("latin1");
        });
        stream.once("end", () => {
          isWhole = stream.rstCode === 0 && !stream.aborted;
          if (isWhole) stream.respond({ ":status": 200 }, { endStream: true });
        });
        stream.once("close", () => fulfil({ body, isWhole }));
      };
    });
  }

  it.each([
    ["without a length", {}],
    ["with a length", { "content-length": "5" }],
  ])("%s are refused, and the upstream gets no whole request", async (_name, fields) => {
    const got = listen();
    const stream = session.request({ ...path, ...fields }, { waitForTrailers: true });
    stream.once("wantTrailers", () => stream.sendTrailers({ authorization: "Bearer other" }));
    stream.end("hello");
    const reply = await readReply(stream);
    expect(reply).toMatchObject({ status: 400, headers: { "clauderon-refusal": "trailers-refused" } });
    const { body, isWhole } = await got;
    expect(isWhole).toBe(false);
    if ("content-length" in fields) expect(body).not.toBe("hello");
  });

  it("that are none change nothing, with a length and without", async () => {
    for (const fields of [{}, { "content-length": "5" }]) {
      const got = listen();
      const stream = session.request({ ...path, ...fields });
      stream.end("hello");
      expect(await readReply(stream)).toMatchObject({ status: 200 });
      expect(await got).toEqual({ body: "hello", isWhole: true });
    }
  });
});
