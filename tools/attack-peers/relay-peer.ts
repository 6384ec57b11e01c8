import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, TLSSocket } from "node:tls";

import { announce, readTask, type PeerRule } from "./peer-task.ts";

/**
 * A proxy that refuses nothing and reads nothing: it puts the credential behind the first line of whatever comes and passes the bytes on. What not even this one lets
 * through is no attack.
 */
const task = await readTask();
const rules = new Map(task.rules.map((rule) => [rule.host, rule]));

const server = createServer((socket) => {
  socket.on("error", () => undefined);
  void serve(socket);
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const address = server.address();
announce(typeof address === "object" ? (address?.port ?? 0) : 0);

async function serve(socket: Socket): Promise<void> {
  const head = await headOf(socket);
  const target =
    /^\S+ +(?:https?:\/\/)?(?<host>\[[^\]]*\]|[^:/ ]*)/iu.exec(head.toString("latin1"))?.groups?.["host"] ?? "";
  if (!head.toString("latin1").startsWith("CONNECT ")) {
    pass({ client: socket, host: target, first: head });
    return;
  }
  socket.write("HTTP/1.1 200 OK\r\n\r\n");
  if (!rules.has(target.replace(/\.$/u, "")) && task.elsewhere[target] === undefined) {
    pass({ client: socket, host: target, first: Buffer.alloc(0) });
    return;
  }
  const tls = new TLSSocket(socket, {
    isServer: true,
    key: task.key,
    cert: task.certificate,
    ALPNProtocols: ["h2", "http/1.1"],
  });
  tls.on("error", () => undefined);
  tls.once("secure", () => pass({ client: tls, host: target, first: Buffer.alloc(0), protocol: tls.alpnProtocol }));
}

async function headOf(socket: Socket): Promise<Buffer> {
  return new Promise((fulfil) => {
    let head = Buffer.alloc(0);
    const take = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      if (!/\r?\n\r?\n/u.test(head.toString("latin1"))) return;
      socket.off("data", take);
      socket.pause();
      fulfil(head);
    };
    socket.on("data", take);
  });
}

function upstreamOf(host: string, protocol: string | false | null | undefined): Duplex {
  const port = rules.get(host)?.port ?? task.elsewhere[host];
  const socket =
    port === undefined
      ? connect(task.insidePort, "127.0.0.1")
      : connectTls({
          port,
          host: "127.0.0.1",
          servername: "localhost",
          rejectUnauthorized: false,
          ...(typeof protocol === "string" ? { ALPNProtocols: [protocol] } : {}),
        });
  socket.on("error", () => undefined);
  return socket;
}

interface Passing {
  readonly client: Duplex;
  readonly host: string;
  readonly first: Buffer;
  readonly protocol?: string | false | null;
}

function pass({ client, host, first, protocol }: Passing): void {
  const upstream = upstreamOf(host.replace(/\.$/u, ""), protocol);
  const rule = rules.get(host);
  let isFirst = true;
  const forward = (bytes: Buffer): void => {
    upstream.write(isFirst && rule !== undefined ? withCredential(bytes, rule) : bytes);
    isFirst = false;
  };
  if (first.length > 0) forward(first);
  client.on("data", forward).on("close", () => upstream.destroy());
  upstream.on("data", (chunk: Buffer) => client.write(chunk)).on("close", () => client.end());
}

function withCredential(bytes: Buffer, { header, value }: PeerRule): Buffer {
  const end = bytes.indexOf("\r\n");
  if (end === -1 || bytes.toString("latin1").startsWith("PRI ")) return bytes;
  return Buffer.concat([bytes.subarray(0, end + 2), Buffer.from(`${header}: ${value}\r\n`), bytes.subarray(end + 2)]);
}
