import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startRecordingUpstream, type RecordingUpstream } from "./testing/recording-upstream.fixture.ts";
import {
  connectThrough,
  dial,
  isWholeAnswer,
  readUntil,
  startTestProxy,
  tlsThrough,
  type TestProxy,
} from "./testing/test-proxy.fixture.ts";

/** Long for a client in the same process, however busy the machine is; short for one that waits for it. */
const shortMs = 1000;

let upstream: RecordingUpstream;
let test: TestProxy;
let target: string;

beforeAll(async () => {
  upstream = await startRecordingUpstream();
  test = await startTestProxy({ limits: { headMs: shortMs } });
  target = `api.test:${upstream.port}`;
});
afterAll(async () => {
  await test[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

describe("P45 slow clients", () => {
  it("trap 1: a head that drips inside a tunnel is ended at the limit", async () => {
    const tls = await tlsThrough(test, { target });
    const started = performance.now();
    const read = readUntil(tls);
    tls.write(`GET / HTTP/1.1\r\nHost: ${target}\r\nX-Slow: `);
    const { text } = await read;
    expect(text).toMatch(/^HTTP\/1.1 408/u);
    // The limit that is set, not the one of a proxy without settings.
    expect(performance.now() - started).toBeLessThan(9000);
  });

  it("trap 2: so is one at the proxy's own port", async () => {
    const socket = await dial(test.port);
    const read = readUntil(socket);
    socket.write("CONNECT api.test:443 HTTP/1.1\r\nhost: api");
    expect((await read).text).toMatch(/^HTTP\/1.1 408/u);
  });

  it("a TLS handshake that stalls is ended", async () => {
    await using strict = await startTestProxy({ limits: { tlsHandshakeMs: 300 } });
    const { socket } = await connectThrough(strict, { target });
    const read = readUntil(socket);
    socket.write(Buffer.from("1603010200010001fc0303", "hex"));
    await read;
    await expect.poll(async () => (await strict.proxy.status()).tunnels).toBe(0);
  });

  it("a connection between requests is ended, too", async () => {
    await using strict = await startTestProxy({ limits: { idleConnectionMs: shortMs } });
    const tls = await tlsThrough(strict, { target });
    const first = readUntil(tls, isWholeAnswer);
    tls.write(`GET / HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    await first;
    expect((await readUntil(tls)).isEnded).toBe(true);
  });

  it("a body may take longer than a head", async () => {
    upstream.respond = ({ socket, text }) =>
      text.endsWith("12") && socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    const tls = await tlsThrough(test, { target });
    tls.write(`POST / HTTP/1.1\r\nHost: ${target}\r\nContent-Length: 2\r\n\r\n1`);
    const waited = await readUntil(await tlsThrough(test, { target }));
    expect(waited.text).toMatch(/^HTTP\/1.1 408|^$/u);
    const read = readUntil(tls, isWholeAnswer);
    tls.write("2");
    expect((await read).text).toMatch(/^HTTP\/1.1 200/u);
    tls.destroy();
  });

  it("more requests at once than a session may have are answered 429", async () => {
    await using strict = await startTestProxy({ limits: { requestsPerSession: 3 } });
    upstream.respond = () => undefined;
    upstream.clear();
    const open = await Promise.all([1, 2, 3].map(async () => tlsThrough(strict, { target })));
    for (const tls of open) tls.write(`GET /open HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    await upstream.until(() => upstream.text.split("GET /open").length === 4);
    const tls = await tlsThrough(strict, { target });
    const read = readUntil(tls, isWholeAnswer);
    tls.write(`GET /more HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    expect((await read).text).toMatch(/^HTTP\/1.1 429/u);
    for (const socket of [...open, tls]) socket.destroy();
  });
});
