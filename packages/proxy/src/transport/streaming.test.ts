import { readdirSync } from "node:fs";
import type { TLSSocket } from "node:tls";
import { gzipSync } from "node:zlib";

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import {
  answer,
  answerOk,
  startRecordingUpstream,
  type RecordingUpstream,
} from "./testing/recording-upstream.fixture.ts";
import {
  isWholeAnswer,
  readUntil,
  realSecret,
  startTestProxy,
  tlsThrough,
  type TestProxy,
} from "./testing/test-proxy.fixture.ts";

let upstream: RecordingUpstream;
let test: TestProxy;
let target: string;

beforeAll(async () => {
  upstream = await startRecordingUpstream();
  test = await startTestProxy({ limits: { upstreamConnections: 8 } });
  target = `api.test:${upstream.port}`;
});
afterAll(async () => {
  await test[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});
beforeEach(() => {
  upstream.clear();
  upstream.respond = answerOk;
});

const get = (path = "/", headers = ""): string => `GET ${path} HTTP/1.1\r\nHost: ${target}\r\n${headers}\r\n`;

async function askOnce(request: string): Promise<string> {
  const tls = await tlsThrough(test, { target });
  const answered = readUntil(tls, isWholeAnswer);
  tls.write(request, "latin1");
  const { text } = await answered;
  tls.destroy();
  return text;
}

const eventStream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

/** An event stream that stays open, and the client that reads it. */
async function openStream(): Promise<{ tls: TLSSocket; send: (text: string) => void; end: () => void }> {
  let write: ((text: string) => void) | undefined;
  let destroy: (() => void) | undefined;
  upstream.respond = ({ socket, text }) => {
    if (!text.endsWith("\r\n\r\n")) return;
    write = (raw) => socket.write(raw);
    destroy = () => socket.destroy();
    socket.write(eventStream);
  };
  const tls = await tlsThrough(test, { target });
  const head = readUntil(tls, (text) => text.includes("\r\n\r\n"));
  tls.write(get("/stream"));
  expect((await head).text).toContain("text/event-stream");
  return { tls, send: (text) => write?.(text), end: () => destroy?.() };
}

describe("an answer that streams", () => {
  it("comes head first, then event by event, as it is sent", async () => {
    const { tls, send } = await openStream();
    for (const event of ["data: one\n\n", "data: two\n\n"]) {
      const read = readUntil(tls, (text) => text.includes(event));
      send(chunk(event));
      expect((await read).text).toContain(event);
    }
    tls.destroy();
    await upstream.until(() => upstream.connections.at(-1)?.isClosed === true);
  });

  it("trap 3: a client that leaves cancels the upstream, and a queue of gone clients leaves no slot taken", async () => {
    for (let round = 0; round < 6; round += 1) {
      const { tls } = await openStream();
      tls.destroy();
      await upstream.until(() => upstream.connections.every(({ isClosed, text }) => isClosed || text === ""));
      upstream.clear();
    }
    // More at once than there are connections, all gone before their turn.
    upstream.respond = () => undefined;
    const waiting = await Promise.all(Array.from({ length: 24 }, async () => tlsThrough(test, { target })));
    for (const tls of waiting) tls.write(get("/waiting"));
    await upstream.until(() => upstream.text.split("GET /waiting").length > 8);
    for (const tls of waiting) tls.destroy();
    upstream.respond = answerOk;
    expect(await askOnce(get("/after"))).toMatch(/^HTTP\/1.1 200/u);
    await expect.poll(async () => (await test.proxy.status()).requests).toBe(0);
  });

  it("trap 4: clients that leave in the middle of a large answer do not end the process", async () => {
    const large = Buffer.alloc(4 * 1024 * 1024, "x");
    upstream.respond = ({ socket, text }) => {
      if (!text.endsWith("\r\n\r\n")) return;
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${large.length}\r\n\r\n`);
      socket.write(large);
    };
    for (let round = 0; round < 5; round += 1) {
      const tls = await tlsThrough(test, { target });
      const read = readUntil(tls, (text) => text.length > 1000);
      tls.write(get("/large"));
      await read;
      tls.destroy();
    }
    upstream.respond = answerOk;
    expect(await askOnce(get("/after"))).toMatch(/^HTTP\/1.1 200/u);
  });

  it("arrives whole at a client that reads late, and is not piled up here meanwhile", async () => {
    const large = Buffer.alloc(16 * 1024 * 1024, "y");
    let written = 0;
    upstream.respond = (connection, chunk) => {
      if (!chunk.includes("GET /large")) return answerOk(connection, chunk);
      connection.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${large.length}\r\n\r\n`);
      return connection.socket.write(large, () => {
        written = large.length;
      });
    };
    const tls = await tlsThrough(test, { target });
    tls.pause();
    tls.write(get("/large"));
    await upstream.until(() => upstream.text.includes("/large"));
    // Nothing is read: what the sockets hold is full long before 16 MiB, and others are served.
    for (let count = 0; count < 10; count += 1) expect(await askOnce(get("/meanwhile"))).toMatch(/^HTTP\/1.1 200/u);
    expect(written).toBe(0);
    let size = 0;
    for await (const chunk of tls as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > large.length) break;
    }
    expect(written).toBe(large.length);
    expect(size).toBeLessThan(large.length + 300);
  });

  it("trap 5: a cut answer is never a whole one", async () => {
    const cases = [
      `HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n${"x".repeat(500)}`,
      `${eventStream}${chunk("data: one\n\n")}`,
    ];
    for (const [index, raw] of cases.entries()) {
      upstream.respond = ({ socket, text }) => {
        if (text.endsWith("\r\n\r\n")) socket.end(raw);
      };
      const tls = await tlsThrough(test, { target });
      const read = readUntil(tls);
      tls.write(get(`/cut/${index}`));
      const { text, isEnded, error } = await read;
      expect(text).toContain(index === 0 ? "xxx" : "data: one");
      expect(text.endsWith("0\r\n\r\n")).toBe(false);
      expect({ isEnded, hasError: error !== undefined }).toEqual({ isEnded: false, hasError: true });
    }
  });

  it("an upstream that dies before its answer is a readable 502, and nothing is sent twice", async () => {
    upstream.respond = ({ socket, text }) => {
      if (text.endsWith("\r\n\r\n")) socket.destroy();
    };
    const text = await askOnce(get("/dies"));
    expect(text).toMatch(/^HTTP\/1.1 502/u);
    expect(text).toContain("clauderon-refusal: upstream-failed");
    expect(upstream.text.match(/GET \/dies/gu)).toHaveLength(1);
  });
});

describe("trap 8: what comes before the answer", () => {
  it("103 Early Hints and the answer both arrive", async () => {
    upstream.respond = ({ socket, text }) => {
      if (!text.endsWith("\r\n\r\n")) return;
      socket.write("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload; as=style\r\n\r\n");
      socket.write(answer("final"));
    };
    const tls = await tlsThrough(test, { target });
    const read = readUntil(tls, (text) => text.endsWith("final"));
    tls.write(get("/hints"));
    const { text } = await read;
    expect(text).toMatch(
      /^HTTP\/1.1 103 Early Hints\r\nLink: <\/a.css>; rel=preload; as=style\r\n\r\nHTTP\/1.1 200 OK/iu,
    );
    tls.destroy();
  });

  it("Expect is answered here, once it is decided, and not passed on", async () => {
    upstream.respond = ({ socket, text }) => {
      if (text.endsWith("hello")) socket.write(answer("got it"));
    };
    const post = (host: string): string =>
      `POST /a HTTP/1.1\r\nHost: ${host}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`;
    const tls = await tlsThrough(test, { target });
    const go = readUntil(tls, (text) => text.endsWith("\r\n\r\n"));
    tls.write(post(target));
    expect((await go).text).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    const read = readUntil(tls, isWholeAnswer);
    tls.write("hello");
    expect((await read).text).toContain("got it");
    expect(upstream.text).not.toMatch(/expect/iu);
    tls.destroy();
    expect(await askOnce(post("evil.test"))).toMatch(/^HTTP\/1.1 421/u);
  });

  it("trailers of the answer arrive", async () => {
    upstream.respond = ({ socket, text }) => {
      if (!text.endsWith("\r\n\r\n")) return;
      const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n";
      socket.write(`${head}${chunk("body")}0\r\nX-Sum: 42\r\n\r\n`);
    };
    const tls = await tlsThrough(test, { target });
    const read = readUntil(tls, (text) => /0\r\n(?:.*\r\n)*\r\n$/u.test(text.split("body")[1] ?? ""));
    tls.write(get("/trailers", "TE: trailers\r\nConnection: TE\r\n"));
    const { text } = await read;
    expect(text).toMatch(/Trailer: X-Sum/iu);
    expect(text).toMatch(/\r\n0\r\nx-sum: 42\r\n\r\n$/iu);
    tls.destroy();
  });
});

describe("bodies of requests", () => {
  it("of unknown length stream, and one that breaks off never looks whole", async () => {
    const tls = await tlsThrough(test, { target });
    tls.write(`POST /up HTTP/1.1\r\nHost: ${target}\r\nTransfer-Encoding: chunked\r\n\r\n${chunk("first")}`);
    await upstream.until(() => upstream.text.includes("first"));
    tls.destroy();
    await upstream.until(() => upstream.connections.find(({ text }) => text.includes("first"))?.isClosed === true);
    expect(upstream.text).not.toContain("0\r\n\r\n");
  });

  it("larger than anyone reads do not hold up the answer", async () => {
    let isAnswered = false;
    upstream.respond = ({ socket, text }) => {
      if (isAnswered || !text.includes("\r\n\r\n")) return;
      isAnswered = true;
      socket.write(answer("too large"));
    };
    const tls = await tlsThrough(test, { target });
    const read = readUntil(tls, isWholeAnswer);
    tls.write(`POST /up HTTP/1.1\r\nHost: ${target}\r\nContent-Length: 50000000\r\n\r\n`);
    tls.write(Buffer.alloc(1024 * 1024));
    expect((await read).text).toContain("too large");
    tls.destroy();
  });
});

describe("P26 a secret that is echoed", () => {
  it.each([
    ["in a body", answer(`you sent Bearer ${realSecret}`)],
    ["in a header", answer("ok", [`X-Echo: Bearer ${realSecret}`])],
    ["in the reason", `HTTP/1.1 200 OK ${realSecret}\r\nContent-Length: 2\r\n\r\nok`],
    ["in base64", answer(Buffer.from(`user:${realSecret}`).toString("base64"))],
    [
      "compressed",
      Buffer.concat([
        Buffer.from(
          `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${gzipSync(realSecret).length}\r\n\r\n`,
        ),
        gzipSync(realSecret),
      ]),
    ],
    ["in an error", answer(realSecret).replace("200 OK", "500 Oops")],
  ])("%s never reaches the client", async (_name, raw) => {
    upstream.respond = ({ socket, text }) => {
      if (text.endsWith("\r\n\r\n")) socket.end(raw);
    };
    const tls = await tlsThrough(test, { target });
    const read = readUntil(tls, (text) => isWholeAnswer(text) || text.endsWith("0\r\n\r\n"));
    tls.write(get("/echo"));
    const { text } = await read;
    expect(text).toMatch(/^HTTP\/1.1 (?:200|500)/u);
    expect(text).not.toContain(realSecret);
    expect(text).not.toContain(Buffer.from(`user:${realSecret}`).toString("base64").slice(6, 20));
    tls.destroy();
  });

  it("in an encoding that cannot be read is refused", async () => {
    upstream.respond = ({ socket, text }) => {
      if (text.endsWith("\r\n\r\n")) socket.end(answer("??", ["Content-Encoding: compress"]));
    };
    const text = await askOnce(get("/echo"));
    expect(text).toMatch(/^HTTP\/1.1 502/u);
    expect(text).toContain("answer-unreadable");
  });
});

describe("descriptors", () => {
  it("are as many after 40 broken exchanges as before", async () => {
    const count = (): number => readdirSync("/proc/self/fd").length;
    const abort = async (): Promise<void> => {
      const { tls } = await openStream();
      tls.destroy();
    };
    await abort();
    await upstream.until(() => upstream.connections.every(({ isClosed, text }) => isClosed || text === ""));
    const before = count();
    for (let round = 0; round < 40; round += 1) await abort();
    await upstream.until(() => upstream.connections.every(({ isClosed, text }) => isClosed || text === ""));
    upstream.respond = answerOk;
    expect(await askOnce(get("/after"))).toMatch(/^HTTP\/1.1 200/u);
    await expect.poll(count).toBeLessThanOrEqual(before + 3);
  });
});
