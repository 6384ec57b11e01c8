import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer, type TLSSocket } from "node:tls";

import { answerFacts } from "./process-facts.ts";

// The upstream of all arms: TLS with a parser as small as these clients allow, so that what is measured is the proxy.
const [keyPath = "", certificatePath = ""] = process.argv.slice(2);
const megabyte = 1024 * 1024;
const chunk = Buffer.alloc(64 * 1024, "x");

function answer(body: Buffer | string, type = "application/json"): Buffer {
  const bytes = Buffer.from(body);
  const head = `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ncontent-length: ${bytes.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), bytes]);
}

const json = answer(`{"data":"${"x".repeat(978)}"}`);
const large = answer(Buffer.alloc(megabyte, "x"), "application/octet-stream");
const model = answer(
  `{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[{"type":"text","text":"${"word ".repeat(160)}"}],"stop_reason":"end_turn","usage":{"input_tokens":10,"output_tokens":200}}`,
);
const ok = answer("{}");

/** Writes so many bytes, as fast as they are taken. */
function stream(socket: TLSSocket, bytes: number): void {
  socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: ${bytes}\r\n\r\n`);
  let left = bytes;
  const more = (): void => {
    while (left > 0 && !socket.destroyed) {
      const part = left < chunk.length ? chunk.subarray(0, left) : chunk;
      left -= part.length;
      if (!socket.write(part)) return;
    }
    socket.off("drain", more);
  };
  socket.on("drain", more);
  more();
}

/** One event each so many milliseconds with the moment it was sent; tells the parent when the client left. */
function streamEvents(socket: TLSSocket, { everyMs, count }: { everyMs: number; count: number }): void {
  socket.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
  let left = count;
  const timer = setInterval(() => {
    const event = `data: ${process.hrtime.bigint()} ${"token ".repeat(8)}\n\n`;
    socket.write(`${event.length.toString(16)}\r\n${event}\r\n`);
    left -= 1;
    if (left > 0) return;
    clearInterval(timer);
    socket.write("0\r\n\r\n");
  }, everyMs);
  socket.once("close", () => {
    clearInterval(timer);
    if (left > 0) process.send?.({ cancelledAt: String(process.hrtime.bigint()) });
  });
}

function serve(socket: TLSSocket): void {
  let pending: Buffer = Buffer.alloc(0);
  let bodyLeft = 0;
  let isChunked = false;
  let tail = "";
  const reply = (url: URL): void => {
    const number = (name: string): number => Number(url.searchParams.get(name));
    if (url.pathname === "/json") socket.write(json);
    else if (url.pathname === "/1m") socket.write(large);
    else if (url.pathname === "/download") stream(socket, number("bytes"));
    else if (url.pathname === "/sse") streamEvents(socket, { everyMs: number("every"), count: number("count") });
    else if (url.pathname === "/v1/messages") socket.write(model);
    else socket.write(ok);
  };
  let url = new URL("https://upstream/");
  const take = (bytes: Buffer): void => {
    let rest = bytes;
    for (;;) {
      if (isChunked) {
        tail = (tail + rest.toString("latin1", Math.max(0, rest.length - 5))).slice(-5);
        if (tail !== "0\r\n\r\n") return;
        isChunked = false;
        reply(url);
        return;
      }
      if (bodyLeft > 0) {
        const used = Math.min(bodyLeft, rest.length);
        bodyLeft -= used;
        rest = rest.subarray(used);
        if (bodyLeft > 0) return;
        reply(url);
      }
      if (rest.length === 0) return;
      pending = pending.length === 0 ? rest : Buffer.concat([pending, rest]);
      const end = pending.indexOf("\r\n\r\n");
      if (end === -1) return;
      const head = pending.toString("latin1", 0, end);
      rest = pending.subarray(end + 4);
      pending = Buffer.alloc(0);
      url = new URL(head.slice(head.indexOf(" ") + 1, head.indexOf(" HTTP/")), "https://upstream/");
      bodyLeft = Number(/\r\ncontent-length: *(?<size>\d+)/iu.exec(head)?.groups?.["size"] ?? 0);
      isChunked = /\r\ntransfer-encoding: *chunked/iu.test(head);
      tail = "";
      if (bodyLeft === 0 && !isChunked) reply(url);
    }
  };
  socket.on("data", take);
  socket.on("error", () => socket.destroy());
}

const server = createServer({ key: readFileSync(keyPath), cert: readFileSync(certificatePath), noDelay: true }, serve);
answerFacts();
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
