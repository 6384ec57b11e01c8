import type { Socket } from "node:net";
import { duplexPair, type Duplex } from "node:stream";

import { afterEach, beforeEach, describe, expect, it, test } from "vitest";

import { createAskingPool, createDialingPool, type AskingPool } from "./testing/http1-asking.fixture.ts";
import { answer, startRecordingUpstream, type RecordingUpstream } from "./testing/recording-upstream.fixture.ts";

let upstream: RecordingUpstream;
let asking: AskingPool;

beforeEach(async () => {
  upstream = await startRecordingUpstream({ isPlain: true });
});
afterEach(async () => {
  asking.pool.destroy(new Error("the test is over"));
  await upstream[Symbol.asyncDispose]();
});

/** Answers `/attack` with these bytes, and ends the connection behind them when asked to; everything else with `ok`. */
function attackWith(text: string, isEnded = false): void {
  upstream.respond = (connection) => {
    if (!connection.text.endsWith("\r\n\r\n")) return;
    const isAttack = connection.text.lastIndexOf(" /attack ") > connection.text.lastIndexOf(" /next ");
    if (!isAttack) connection.socket.write(answer("ok"));
    else if (isEnded) connection.socket.end(text, "latin1");
    else connection.socket.write(text, "latin1");
  };
}

const poison = answer("poison");
const chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

interface Attack {
  readonly method?: string;
  readonly text: string;
  readonly isEnded?: boolean;
  /** The body that is passed on; absent = the answer is refused. */
  readonly body?: string;
  /** The connection serves the next request, too. */
  readonly isKept?: boolean;
}

const attacks: Record<string, Attack> = {
  "an answer behind the answer": { text: answer("first") + poison, body: "first" },
  "an answer behind chunks": { text: `${chunked}1\r\nx\r\n0\r\n\r\n${poison}`, body: "x" },
  "a body behind the answer to HEAD": { method: "HEAD", text: answer("hidden") + poison, body: "" },
  "chunks behind the answer to HEAD": { method: "HEAD", text: `${chunked}1\r\nx\r\n0\r\n\r\n`, body: "" },
  "a body behind 204": { text: `HTTP/1.1 204 No Content\r\ncontent-length: 6\r\n\r\nhidden`, body: "" },
  "chunks behind 204": {
    text: "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n6\r\nhidden\r\n0\r\n\r\n",
    body: "",
  },
  "a body behind 304": { text: `HTTP/1.1 304 Not Modified\r\ncontent-length: 6\r\n\r\nhidden`, body: "" },
  "an empty line behind the answer": { text: `${answer("first")}\r\n`, body: "first" },
  "a lone byte behind the answer": { text: `${answer("first")}H`, body: "first" },
  "an interim answer behind the answer": { text: `${answer("first")}HTTP/1.1 100 Continue\r\n\r\n`, body: "first" },
  "close and keep-alive in two lines": {
    text: answer("first", ["connection: close", "connection: keep-alive"]),
    body: "first",
  },
  "keep-alive and close in two lines": {
    text: answer("first", ["connection: keep-alive", "connection: close"]),
    body: "first",
  },
  "close in a list": { text: answer("first", ["connection: keep-alive , Close ,x"]), body: "first" },
  "an option that only looks like close": {
    text: answer("first", ["connection: x-close"]),
    body: "first",
    isKept: true,
  },
  "no length": { text: "HTTP/1.1 200 OK\r\n\r\nall of it", isEnded: true, body: "all of it" },
  "no length in HTTP/1.0 that keeps the connection": {
    text: "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n\r\nall of it",
    isEnded: true,
    body: "all of it",
  },
  "interim answers": { text: "HTTP/1.1 102 P\r\n\r\n".repeat(20) + answer("first"), body: "first", isKept: true },
  "an interim answer with a length": {
    text: `HTTP/1.1 103 Early Hints\r\ncontent-length: 6\r\n\r\n${answer("first")}`,
    body: "first",
    isKept: true,
  },
  "interim answers without end": { text: "HTTP/1.1 102 Processing\r\n\r\n".repeat(100) },
  "hints without end": { text: `HTTP/1.1 103 Early Hints\r\nlink: </${"a".repeat(200)}>\r\n\r\n`.repeat(10) },
  "101": { text: "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n" },
  "a length, then the end too early": {
    text: "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfive!",
    isEnded: true,
  },
  "chunks, then the end in one": { text: `${chunked}a\r\nfive!`, isEnded: true },
  "chunks, then the end between two": { text: `${chunked}5\r\nfive!\r\n`, isEnded: true },
  "chunks, then the end before the trailers'": { text: `${chunked}5\r\nfive!\r\n0\r\nx: y\r\n`, isEnded: true },
  "the end in the head": { text: "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n", isEnded: true },
  "the end behind an interim answer": { text: "HTTP/1.1 100 Continue\r\n\r\n", isEnded: true },
  "nothing but the end": { text: "", isEnded: true },
  "lengths that differ": { text: "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello" },
  "lengths in a list": { text: "HTTP/1.1 200 OK\r\ncontent-length: 5, 6\r\n\r\nhello" },
  "a length and chunks": {
    text: "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
  },
  "a length beyond what can be counted": { text: `HTTP/1.1 200 OK\r\ncontent-length: ${"9".repeat(20)}\r\n\r\n` },
  "a length in hexadecimal": { text: "HTTP/1.1 200 OK\r\ncontent-length: 0x5\r\n\r\nhello" },
  "a folded coding": { text: "HTTP/1.1 200 OK\r\ntransfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n" },
  "a coding behind a tab's name": { text: "HTTP/1.1 200 OK\r\ntransfer-encoding\t: chunked\r\n\r\n0\r\n\r\n" },
  "a coding that only looks like chunked": { text: "HTTP/1.1 200 OK\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n" },
  "a coding in quotes": { text: 'HTTP/1.1 200 OK\r\ntransfer-encoding: "chunked"\r\n\r\n0\r\n\r\n' },
  "a head of line feeds": { text: "HTTP/1.1 200 OK\ncontent-length: 5\n\nhello" },
  "a line feed before the end of the head": { text: "HTTP/1.1 200 OK\r\ncontent-length: 5\n\r\nhello" },
  "a carriage return in a value": { text: "HTTP/1.1 200 OK\r\nx: a\rcontent-length: 5\r\n\r\nhello" },
  "a second head in the reason": { text: "HTTP/1.1 200 OK\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n" },
  "an empty line before the head": { text: `\r\n${answer("first")}` },
  "a blank before the head": { text: ` ${answer("first")}` },
  "a blank before the first field": { text: "HTTP/1.1 200 OK\r\n x: y\r\ncontent-length: 0\r\n\r\n" },
  "a chunk's head that ends in a line feed": { text: `${chunked}5\nhello\r\n0\r\n\r\n` },
  "a line feed in a chunk's extension": { text: `${chunked}5;a\nb\r\nhello\r\n0\r\n\r\n` },
  "a carriage return in a chunk's extension": { text: `${chunked}5;a\rb\r\nhello\r\n0\r\n\r\n` },
  "blanks behind a chunk's size": { text: `${chunked}5  \r\nhello\r\n0\r\n\r\n` },
  "a blank before a chunk's size": { text: `${chunked} 5\r\nhello\r\n0\r\n\r\n` },
  "a chunk without a size": { text: `${chunked};a=b\r\nhello\r\n0\r\n\r\n` },
  "a chunk's size with an underscore": { text: `${chunked}1_0\r\nhello\r\n0\r\n\r\n` },
  "a chunk that ends in a line feed": { text: `${chunked}5\r\nhello\n0\r\n\r\n` },
  "a chunk of more than can be counted": { text: `${chunked}${"f".repeat(16)}\r\nhello\r\n` },
  "a last chunk without its end": { text: `${chunked}5\r\nhello\r\n0\r\n\n`, isEnded: true },
  "a folded trailer": { text: `${chunked}0\r\nx: y\r\n z\r\n\r\n` },
  "trailers that end in line feeds": { text: `${chunked}0\r\nx: y\n\n${"x".repeat(1000)}` },
  "trailers without end": { text: `${chunked}0\r\n${"x: y\r\n".repeat(500)}` },
  "a head without end": { text: `HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(500)}` },
  "a chunk's extension without end": { text: `${chunked}5;${"x".repeat(5000)}` },
  "another version": { text: "HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n" },
  "a version of more digits": { text: "HTTP/1.10 200 OK\r\ncontent-length: 0\r\n\r\n" },
  "a status of four digits": { text: "HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n" },
  "a status with a sign": { text: "HTTP/1.1 +20 OK\r\ncontent-length: 0\r\n\r\n" },
  "a line of another protocol": { text: "220 smtp ready\r\n\r\n" },
};

describe("an upstream that sends", () => {
  it.each(Object.entries(attacks))("%s answers one request, and nobody else's", async (_name, attack) => {
    const { method, text, isEnded, body, isKept = false } = attack;
    asking = createAskingPool(upstream);
    attackWith(text, isEnded);
    // Both at once: the second waits for the connection of the first.
    const [first, next] = await Promise.all([asking.ask("/attack", method), asking.ask("/next")]);
    if (body === undefined)
      expect(first.code).toMatch(/^(?:ANSWER_MALFORMED|HEAD_TOO_LARGE|UPSTREAM_CLOSED|ECONNRESET)$/u);
    else expect(first).toMatchObject({ code: undefined, body });
    expect(next).toMatchObject({ code: undefined, status: 200, body: "ok" });
    expect(asking.dials()).toBe(isKept ? 1 : 2);
    expect(upstream.text.match(/ \/attack /gu)).toHaveLength(1);
    expect(upstream.text.match(/ \/next /gu)).toHaveLength(1);
  });
});

/** Servers at the other end of pipes that deliver within the turn of the event loop, so that what comes before a request is written comes then each time. */
function startPipes(): {
  readonly servers: { readonly end: Duplex; text: string }[];
  readonly dial: () => Promise<Socket>;
} {
  const servers: { readonly end: Duplex; text: string }[] = [];
  const dial = async (): Promise<Socket> => {
    const [client, end] = duplexPair();
    const server = { end, text: "" };
    end.on("data", (chunk: Buffer) => {
      server.text += chunk.toString("latin1");
      end.write(answer("ok"));
    });
    servers.push(server);
    return client as Socket;
  };
  return { servers, dial };
}

describe("a connection on which a request waits to be written", () => {
  it.each([
    ["ends", (end: Duplex) => end.end()],
    ["says something", (end: Duplex) => end.write(poison)],
    ["breaks off", (end: Duplex) => end.destroy()],
  ])("and that %s leaves it to another", async (_name, act) => {
    const { servers, dial } = startPipes();
    asking = createDialingPool(dial);
    expect(await asking.ask("/a")).toMatchObject({ code: undefined, body: "ok" });
    const next = asking.ask("/next");
    const behind = asking.ask("/behind");
    act(servers[0]!.end);
    expect(await next).toMatchObject({ code: undefined, body: "ok" });
    expect(await behind).toMatchObject({ code: undefined, body: "ok" });
    expect(servers.map(({ text }) => [...text.matchAll(/GET (\S+)/gu)].map(([, path]) => path))).toEqual([
      ["/a"],
      ["/next", "/behind"],
    ]);
  });

  it("and that ends before it served anyone fails it: nobody dials without end", async () => {
    const { servers, dial } = startPipes();
    asking = createDialingPool(async () => {
      const socket = await dial();
      servers.at(-1)?.end.end();
      return socket;
    });
    expect(await asking.ask("/a")).toMatchObject({ code: "UPSTREAM_CLOSED" });
    expect(asking.dials()).toBe(1);
  });
});

test("a request that was written is sent nowhere else, whatever becomes of its connection", async () => {
  upstream.respond = ({ socket, text }) => (text.includes("/once") ? socket.end() : socket.write(answer("ok")));
  asking = createAskingPool(upstream);
  expect(await asking.ask("/a")).toMatchObject({ body: "ok" });
  expect((await asking.ask("/once")).code).toMatch(/UPSTREAM_CLOSED|ECONNRESET/u);
  expect(upstream.text.match(/GET \/once/gu)).toHaveLength(1);
  expect(asking.dials()).toBe(1);
});
