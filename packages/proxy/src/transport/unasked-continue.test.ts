import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import {
  answer,
  answerOk,
  startRecordingUpstream,
  type RecordedConnection,
  type RecordingUpstream,
} from "./testing/recording-upstream.fixture.ts";
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
  upstream.respond = answerOk;
});

const goOn = "HTTP/1.1 100 Continue\r\n\r\n";
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const upload = (headers: string): string => `POST /up HTTP/1.1\r\nHost: ${target}\r\n${headers}\r\n\r\n`;
const chunked = (): string => upload("Transfer-Encoding: chunked");
const long = (): string => upload("Content-Length: 200000");
const longBody = "x".repeat(200_000);

/** Says what it has to say at the head of each request, and answers each that is whole. */
function saysFirst(word: string, isWhole: (text: string) => boolean): void {
  const told = new Map<RecordedConnection, { heads: number; ends: number }>();
  upstream.respond = (connection) => {
    const { socket, text } = connection;
    const count = told.get(connection) ?? { heads: 0, ends: 0 };
    told.set(connection, count);
    const heads = text.split("POST /up").length - 1;
    for (; count.heads < heads; count.heads += 1) socket.write(word);
    if (!isWhole(text.slice(text.lastIndexOf("POST /up"))) || count.ends === heads) return;
    count.ends = heads;
    socket.write(answer(`answer ${heads}`));
  };
}
const chunkedEnd = (text: string): boolean => text.endsWith("0\r\n\r\n");

async function ask(parts: readonly string[], times = 1): Promise<readonly string[]> {
  const tls = await tlsThrough(test, { target });
  const answers: string[] = [];
  for (let time = 1; time <= times; time += 1) {
    const read = readUntil(tls, isWholeAnswer);
    for (const [index, part] of parts.entries()) {
      if (index === 1) await upstream.until(() => upstream.text.split("POST /up").length - 1 >= time);
      tls.write(part);
    }
    answers.push((await read).text);
  }
  tls.destroy();
  return answers;
}

describe("trap 8: an upstream that says 100 Continue without being asked", () => {
  it.each([
    ["once", goOn],
    ["with fields", "HTTP/1.1 100 Go on\r\nServer: old\r\n\r\n"],
    ["without words", "HTTP/1.1 100\r\n\r\n"],
    ["three times", goOn.repeat(3)],
    ["and 102 behind it", `${goOn}HTTP/1.1 102 Processing\r\n\r\n`],
  ])("%s: a body in chunks arrives, and its answer", async (_name, word) => {
    saysFirst(word, chunkedEnd);
    const [text = ""] = await ask([chunked() + chunk("first"), chunk("second"), "0\r\n\r\n"]);
    expect(text).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*answer 1$/u);
    expect(upstream.text).toMatch(/first[^]*second[^]*0\r\n\r\n$/u);
  });

  it("a long body of known length arrives, and each further request of the connection", async () => {
    saysFirst(goOn, (text) => text.endsWith(longBody));
    const answers = await ask([long() + longBody], 3);
    expect(answers.map((text) => text.slice(-8))).toEqual(["answer 1", "answer 2", "answer 3"]);
    expect(upstream.connections).toHaveLength(1);
  });

  it("byte by byte", async () => {
    const sent: Promise<void>[] = [];
    upstream.respond = ({ socket, text }) => {
      if (text.endsWith("0\r\n\r\n")) {
        sent.push(writeSlowly(socket, `${goOn}${goOn}${answer("slow")}`));
      }
    };
    const [text = ""] = await ask([chunked() + chunk("first") + "0\r\n\r\n"]);
    expect(text).toMatch(/^HTTP\/1.1 200 [^]*slow$/u);
    await Promise.all(sent);
  });

  it("in one piece with its answer, or in the body of it", async () => {
    upstream.respond = ({ socket, text }) => {
      if (text.endsWith("0\r\n\r\n")) socket.write(`${goOn}${answer(goOn)}`);
    };
    const [text = ""] = await ask([chunked() + chunk("first") + "0\r\n\r\n"]);
    expect(text.slice(text.indexOf("\r\n\r\n") + 4)).toBe(goOn);
  });

  it("without end is given up", async () => {
    upstream.respond = ({ socket, text }) => {
      if (text.endsWith("0\r\n\r\n")) for (let count = 0; count < 20_000; count += 1) socket.write(goOn);
    };
    const [text = ""] = await ask([chunked() + chunk("first") + "0\r\n\r\n"]);
    expect(text).toMatch(/^HTTP\/1.1 502[^]*upstream-failed/u);
  });

  it("to a request without a body that streams", async () => {
    upstream.respond = ({ socket, text }) => {
      if (text.endsWith("\r\n\r\n")) socket.write(`${goOn}${answer("plain")}`);
    };
    const [text = ""] = await ask([`GET /up HTTP/1.1\r\nHost: ${target}\r\n\r\n`]);
    expect(text).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*plain$/u);
  });
});

async function writeSlowly(socket: RecordedConnection["socket"], text: string): Promise<void> {
  for (const byte of Buffer.from(text)) {
    await new Promise<void>((written) => void socket.write(Buffer.from([byte]), () => written()));
    await new Promise(setImmediate);
  }
}
