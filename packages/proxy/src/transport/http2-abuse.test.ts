import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { hpackBomb, http2Floods } from "../attacks/tables/http2-floods.fixture.ts";
import { goodRequest, malformedHttp2, type Line } from "../attacks/tables/http2.fixture.ts";
import { ask, http2Through } from "./testing/http2-client.fixture.ts";
import { flag, frame, FrameClient, frameType, headerBlock } from "./testing/http2-frames.fixture.ts";
import { answerHello, startHttp2Upstream, type Http2Upstream } from "./testing/http2-upstream.fixture.ts";
import { startTestProxy, type TestProxy } from "./testing/test-proxy.fixture.ts";

let upstream: Http2Upstream;
let test: TestProxy;
let target: string;

beforeAll(async () => {
  upstream = await startHttp2Upstream();
  test = await startTestProxy();
  target = `api.test:${upstream.port}`;
});
afterAll(async () => {
  await test[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});
beforeEach(() => {
  upstream.calls.length = 0;
  upstream.respond = answerHello;
});

const good = (): Line[] => goodRequest.map(([name, value]) => [name, value.replaceAll("TARGET", target)]);
const whole = flag.endHeaders | flag.endStream;

/** The proxy serves others whatever one of its clients does. */
async function expectAlive(): Promise<void> {
  upstream.respond = answerHello;
  const session = await http2Through(test, { target });
  expect((await ask(session, { ":path": "/", ":authority": target })).body).toBe("hello");
  session.close();
  await expect.poll(async () => (await test.proxy.status()).requests).toBe(0);
}

describe("requests that are malformed in HTTP/2", () => {
  it.each(malformedHttp2)("%s: refused, and the upstream sees nothing", async (_name, lines) => {
    const client = await FrameClient.open(test, target);
    client.send(
      frame(
        frameType.headers,
        { flags: whole, streamId: 1 },
        headerBlock(lines.map(([name, value]): Line => [name, value.replaceAll("TARGET", target)])),
      ),
    );
    // A refusal, a reset of the stream, or the end of the connection.
    await client.until(() =>
      client.frames.some(
        ({ type, streamId }) =>
          type === frameType.goAway || (streamId === 1 && (type === frameType.headers || type === frameType.reset)),
      ),
    );
    expect(upstream.calls).toHaveLength(0);
    client.close();
  });

  it.each<Line>([
    ["x-split", "a\r\nauthorization: stolen"],
    ["x-nul", "a\0b"],
    ["x bad", "1"],
    ["", "1"],
  ])("a header line that is none (%j: %j) is left out", async (name, value) => {
    const client = await FrameClient.open(test, target);
    client.send(frame(frameType.headers, { flags: whole, streamId: 1 }, headerBlock([...good(), [name, value]])));
    await client.until(() => client.frames.some(({ type, streamId }) => streamId === 1 || type === frameType.goAway));
    for (const { headers } of upstream.calls) {
      expect(Object.keys(headers)).not.toContain(name);
      expect(JSON.stringify(headers)).not.toContain("stolen");
    }
    client.close();
  });

  it("what may be open at once is said; WebSocket is not offered", async () => {
    const session = await http2Through(test, { target });
    expect(session.remoteSettings.enableConnectProtocol).not.toBe(true);
    expect(session.remoteSettings.maxConcurrentStreams).toBe(100);
    session.close();
  });
});

describe("P46 HTTP/2 floods", () => {
  /** Sends pieces until the connection is ended, at most so many. */
  async function flood(name: keyof ReturnType<typeof http2Floods>): Promise<FrameClient> {
    const { piece, most } = http2Floods(good())[name];
    const client = await FrameClient.open(test, target);
    for (let index = 0; index < most && !client.isClosed; index += 1)
      if (!client.send(piece(index))) await client.drained();
    return client;
  }

  it("P46 rapid reset (CVE-2023-44487): the connection is ended, and what reached the upstream is bounded", async () => {
    upstream.respond = () => undefined;
    const client = await flood("rapidReset");
    await client.until(() => client.frames.some(({ type }) => type === frameType.goAway));
    expect(client.isClosed || client.frames.some(({ type }) => type === frameType.goAway)).toBe(true);
    expect(upstream.calls.length).toBeLessThanOrEqual(1000);
    client.close();
    await expectAlive();
  });

  it("P46 CONTINUATION flood (CVE-2024-27983): the connection is ended", async () => {
    const client = await flood("continuation");
    await client.until(() => false);
    expect(client.isClosed).toBe(true);
    expect(upstream.calls).toHaveLength(0);
    await expectAlive();
  });

  it("P46 ping flood: the connection is ended", async () => {
    const client = await flood("ping");
    await client.until(() => false);
    expect(client.isClosed).toBe(true);
    await expectAlive();
  });

  it("P46 settings flood: the connection is ended", async () => {
    const client = await flood("settings");
    await client.until(() => false);
    expect(client.isClosed).toBe(true);
    await expectAlive();
  });

  it("P46 WINDOW_UPDATE overflow (CVE-2026-21714): the connection is ended", async () => {
    const client = await flood("window");
    await client.until(() => client.frames.some(({ type }) => type === frameType.goAway));
    expect(client.isClosed || client.frames.some(({ type }) => type === frameType.goAway)).toBe(true);
    client.close();
    await expectAlive();
  });

  it("P46 ten thousand streams: no more than a hundred are open, and the connection is ended", async () => {
    upstream.respond = () => undefined;
    const client = await flood("streams");
    await client.until(() => client.frames.some(({ type }) => type === frameType.goAway));
    expect(upstream.calls.length).toBeLessThanOrEqual(100);
    client.close();
    await expectAlive();
  });

  it("P46 HPACK bomb: a head that unfolds is refused", async () => {
    const client = await FrameClient.open(test, target);
    client.send(hpackBomb(good()));
    await client.until(() => client.frames.some(({ type, streamId }) => streamId === 1 || type === frameType.goAway));
    expect(upstream.calls).toHaveLength(0);
    client.close();
    await expectAlive();
  });

  it("P46 more header lines than are allowed: told so", async () => {
    const session = await http2Through(test, { target });
    const many = Object.fromEntries(Array.from({ length: 110 }, (_, index) => [`x-${index}`, "1"]));
    const reply = await ask(session, { ":path": "/", ":authority": target, ...many });
    expect(reply).toMatchObject({ status: 431, headers: { "clauderon-refusal": "head-too-large" } });
    expect(upstream.calls).toHaveLength(0);
    session.close();
  });

  it("P46 a connection without requests is ended after a while", async () => {
    await using strict = await startTestProxy({ limits: { idleConnectionMs: 200 } });
    const client = await FrameClient.open(strict, target);
    await client.until(() => false);
    expect(client.isClosed).toBe(true);
  });
});
