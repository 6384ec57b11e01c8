import type { Dispatcher } from "undici";
import { describe, expect, it } from "vitest";

import type { ExchangeObserver } from "../exchange/exchange-observer.ts";
import type { ClientResponse } from "./client-message.ts";
import { Exchange } from "./exchange.ts";
import { answer, startRecordingUpstream } from "./testing/recording-upstream.fixture.ts";
import { readUntil, startTestProxy, tlsThrough } from "./testing/test-proxy.fixture.ts";

const endOfTurn = async (): Promise<void> => new Promise((fulfil) => setImmediate(fulfil));
const text = (bytes: unknown): string => (bytes instanceof Uint8Array ? Buffer.from(bytes).toString() : "");

/** An exchange between nobody, and what happened in which order. */
function watchedExchange(): {
  readonly exchange: Exchange;
  readonly controller: Dispatcher.DispatchController;
  readonly order: string[];
} {
  const order: string[] = [];
  const note = (what: string): true => order.push(what) > 0 || true;
  const response: ClientResponse = {
    destroyed: false,
    headersSent: false,
    sendDate: true,
    shouldKeepAlive: true,
    socket: null,
    req: { method: "POST", httpVersionMajor: 1, httpVersionMinor: 1, resume: () => undefined },
    on: () => undefined,
    writeContinue: () => undefined,
    writeEarlyHints: () => undefined,
    writeHead: () => undefined,
    flushHeaders: () => note("client head"),
    write: (chunk) => note(`client ${text(chunk)}`),
    addTrailers: () => undefined,
    end: (body) => note(`client end ${text(body)}`),
    destroy: () => undefined,
  };
  const observer: ExchangeObserver = {
    onRequestBody: (chunk) => note(`tap request ${text(chunk)}`),
    onResponseHead: ({ status }) => note(`tap head ${status}`),
    onResponseBody: (chunk) => note(`tap ${text(chunk)}`),
    onEnd: (outcome) => note(`tap ${outcome}`),
  };
  const exchange = new Exchange({
    response,
    subject: {},
    observers: [observer],
    redactor: undefined,
    wholeBody: Buffer.from("question"),
    onEnd: () => note("record"),
  });
  const controller: Dispatcher.DispatchController = {
    aborted: false,
    paused: false,
    reason: null,
    rawHeaders: ["content-type", "text/plain"],
    rawTrailers: [],
    abort: () => undefined,
    pause: () => undefined,
    resume: () => undefined,
  };
  return { exchange, controller, order };
}

describe("A9 nothing is held up by those who watch", () => {
  it("an answer that comes at once is with the client before it is read and recorded", async () => {
    const { exchange, controller, order } = watchedExchange();
    exchange.tellRequest();
    exchange.onResponseStart(controller, 200, {});
    exchange.onResponseData(controller, Buffer.from("answer"));
    exchange.onResponseEnd(controller, {});
    await endOfTurn();
    expect(order).toEqual([
      "tap request question",
      "tap head 200",
      "client end answer",
      "tap answer",
      "tap complete",
      "record",
    ]);
  });

  it("so is each part of one that streams", async () => {
    const { exchange, controller, order } = watchedExchange();
    exchange.tellRequest();
    exchange.onResponseStart(controller, 200, {});
    await endOfTurn();
    exchange.onResponseData(controller, Buffer.from("one"));
    exchange.onResponseData(controller, Buffer.from("two"));
    exchange.onResponseEnd(controller, {});
    expect(order.slice(2)).toEqual([
      "client head",
      "client one",
      "tap one",
      "client two",
      "tap two",
      "client end ",
      "tap complete",
      "record",
    ]);
  });

  it("what was not told of a request is told before the end of its exchange", () => {
    const { exchange, order } = watchedExchange();
    exchange.fail(new Error("no upstream"));
    expect(order.slice(0, 3)).toEqual(["tap request question", "tap failed-upstream", "record"]);
    exchange.tellRequest();
    expect(order.filter((what) => what.startsWith("tap request"))).toHaveLength(1);
  });
});

it("A8 a request that was sent ahead is decided on when the one before it has been counted", async () => {
  await using upstream = await startRecordingUpstream();
  let ended = 0;
  const seen: number[] = [];
  await using test = await startTestProxy({
    observers: [
      () => ({
        onRequestBody: () => undefined,
        onResponseHead: () => undefined,
        onResponseBody: () => undefined,
        onEnd: () => void (ended += 1),
      }),
    ],
    admit: () => {
      seen.push(ended);
      return undefined;
    },
  });
  const target = `api.test:${upstream.port}`;
  upstream.respond = ({ socket }) => socket.write(answer("ok"));
  const tls = await tlsThrough(test, { target });
  const read = readUntil(tls, (so) => so.split("HTTP/1.1 200").length === 5);
  tls.write(`GET /x HTTP/1.1\r\nHost: ${target}\r\n\r\n`.repeat(4));
  await read;
  expect(seen).toEqual([0, 1, 2, 3]);
  tls.destroy();
});
