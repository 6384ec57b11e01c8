import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { upgradeRequest, webSocketLines } from "../attacks/tables/upgrades.fixture.ts";
import type { AuditEntry } from "../audit/audit-entry.ts";
import { answer, startRecordingUpstream, type RecordingUpstream } from "./testing/recording-upstream.fixture.ts";
import {
  connectThrough,
  isWholeAnswer,
  readUntil,
  startTestProxy,
  tlsThrough,
  type TestProxy,
} from "./testing/test-proxy.fixture.ts";

let upstream: RecordingUpstream;
let test: TestProxy;
let target: string;
let isFull: boolean;
let taken: AuditEntry[];
let written: AuditEntry[];

/** An audit that holds lines back until it is told to write them, as the one on disk does. */
beforeEach(async () => {
  isFull = false;
  taken = [];
  written = [];
  upstream = await startRecordingUpstream();
  test = await startTestProxy({
    writeRecord: (entry) => {
      taken.push(entry);
    },
    flushRecords: () => {
      if (isFull) throw new Error("no space left on device");
      written.push(...taken.splice(0));
    },
  });
  target = `api.test:${upstream.port}`;
});
afterEach(async () => {
  await test[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

const largeBody = "x".repeat(200_000);
/** By every way that a request goes: at once, with its body, with a body that streams, to Node's parser, as a WebSocket. */
const requests: Readonly<Record<string, (path: string) => string>> = {
  plain: (path) => `GET ${path} HTTP/1.1\r\nHost: ${target}\r\n\r\n`,
  "with a body": (path) => `POST ${path} HTTP/1.1\r\nHost: ${target}\r\nContent-Length: 4\r\n\r\nbody`,
  "with a long body": (path) =>
    `POST ${path} HTTP/1.1\r\nHost: ${target}\r\nContent-Length: ${largeBody.length}\r\n\r\n${largeBody}`,
  "of Node's parser": (path) => `OPTIONS ${path} HTTP/1.1\r\nHost: ${target}\r\n\r\n`,
  "for a WebSocket": (path) =>
    upgradeRequest(webSocketLines)
      .replaceAll("TARGET", target)
      .replace(/^GET \S+/u, `GET ${path}`),
};

async function ask(text: string): Promise<string> {
  const tls = await tlsThrough(test, { target });
  const read = readUntil(tls, isWholeAnswer);
  tls.write(text);
  const { text: answered } = await read;
  tls.destroy();
  return answered;
}

describe("P62 what is decided", () => {
  it("is written before any of it reaches an upstream, many at a time", async () => {
    const unwritten: string[] = [];
    upstream.respond = (connection) => {
      for (const [, path = ""] of connection.text.matchAll(/^[A-Z]+ (\/\S+) HTTP/gmu))
        if (!written.some((entry) => entry.path === path)) unwritten.push(path);
      if (/\r\n\r\n(?:body|x+)?$/u.test(connection.text)) connection.socket.write(answer("ok"));
    };
    const names = Object.keys(requests);
    const all = Array.from({ length: 25 }, (_, index) => {
      const make = requests[names[index % names.length] ?? ""];
      return ask(make?.(`/number/${index}`) ?? "");
    });
    for (const text of await Promise.all(all)) expect(text).toMatch(/^HTTP\/1.1 200/u);
    expect(unwritten).toEqual([]);
    expect(written.filter(({ kind, durationMs }) => kind !== "connect" && durationMs === undefined)).toHaveLength(25);
  });

  it("is written before a tunnel is opened", async () => {
    const plain = await startRecordingUpstream({ isPlain: true });
    const tunnelled = connectThrough(test, { target: `tunnel.test:${plain.port}` });
    let atOpening: readonly AuditEntry[] | undefined;
    await plain.until(() => {
      if (plain.connections.length > 0) atOpening ??= [...written];
      return atOpening !== undefined;
    });
    expect(atOpening).toMatchObject([{ kind: "connect", host: "tunnel.test" }]);
    (await tunnelled).socket.destroy();
    await plain[Symbol.asyncDispose]();
  });

  it("does not happen when it cannot be written: 503, nothing upstream, and it goes on once it can", async () => {
    const tls = await Promise.all(Object.values(requests).map(async () => tlsThrough(test, { target })));
    isFull = true;
    const answers = Object.values(requests).map(async (make, index) => {
      const read = readUntil(tls[index] ?? expect.unreachable(), isWholeAnswer);
      tls[index]?.write(make(`/unseen/${index}`));
      return (await read).text;
    });
    for (const text of await Promise.all(answers)) {
      expect(text).toMatch(/^HTTP\/1.1 503/u);
      expect(text).toContain("audit-unavailable");
    }
    expect((await connectThrough(test, { target })).answer).toMatch(/^HTTP\/1.1 503/u);
    expect((await connectThrough(test, { target: `tunnel.test:${upstream.port}` })).answer).toMatch(/^HTTP\/1.1 503/u);
    expect(upstream.text).toBe("");
    isFull = false;
    expect(await ask(requests["plain"]?.("/seen") ?? "")).toMatch(/^HTTP\/1.1 200/u);
    expect(upstream.text).not.toContain("/unseen");
    // The record tells what became of those that were taken.
    for (const index of Object.keys(Object.values(requests)))
      expect(written.filter(({ path }) => path === `/unseen/${index}`)).toMatchObject([
        { decision: "injected" },
        { decision: "failed", reason: "audit-unavailable", status: 503 },
      ]);
    expect((await test.proxy.status()).requests).toBe(0);
  });
});
