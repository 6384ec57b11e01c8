// One direction of a stream of a channel beside a bare socket, in one interleaved run: node -C @clauderon/source src/carrier/throughput.fixture.ts [ROUNDS]
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";

import { createCarrierClient } from "./create-carrier-client.ts";
import { createCarrierHub } from "./create-carrier-hub.ts";

const totalBytes = 512 * 1024 * 1024;
const pieceBytes = 64 * 1024;
const roundTrips = 5000;
const arms = ["socket", "channel", "channel of 16 streams"] as const;
type Arm = (typeof arms)[number];

/** Sends what one byte asks for: `s` a stream of bytes, anything else the byte itself. */
function serve(stream: Duplex, bytes: number): void {
  const piece = Buffer.alloc(pieceBytes, "x");
  stream.on("error", () => undefined);
  stream.on("data", (asked: Buffer) => {
    if (asked[0] !== "s".charCodeAt(0)) {
      stream.write(asked);
      return;
    }
    let left = bytes;
    const send = (): void => {
      while (left > 0) {
        left -= pieceBytes;
        if (!stream.write(piece)) {
          stream.once("drain", send);
          return;
        }
      }
    };
    send();
  });
}

async function serveArm(arm: Arm): Promise<number> {
  const bytes = arm === "channel of 16 streams" ? totalBytes / 16 : totalBytes;
  const hub = createCarrierHub({ accept: async (stream) => serve(stream, bytes) });
  const server = createServer({ noDelay: true }, (socket) => {
    if (arm === "socket") serve(socket, bytes);
    else void hub.acceptCarrier(socket, "s1");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function receive(stream: Duplex, bytes: number): Promise<void> {
  let left = bytes;
  await new Promise<void>((fulfil) => {
    stream.on("data", (part: Buffer) => {
      left -= part.length;
      if (left <= 0) fulfil();
    });
    stream.write("s");
  });
  stream.removeAllListeners("data");
}

async function echo(stream: Duplex): Promise<number> {
  const startMs = performance.now();
  stream.resume();
  for (let count = 0; count < roundTrips; count += 1) {
    const back = once(stream, "data");
    stream.write("e");
    await back;
  }
  return ((performance.now() - startMs) * 1000) / roundTrips;
}

async function measure(arm: Arm): Promise<object> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), ["serve", arm], {
    execArgv: ["-C", "@clauderon/source"],
  });
  const [port] = (await once(child, "message")) as [number];
  const socket: Socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  const client = createCarrierClient();
  if (arm !== "socket") await client.attach(socket);
  const count = arm === "channel of 16 streams" ? 16 : 1;
  const streams: Duplex[] = arm === "socket" ? [socket] : Array.from({ length: count }, () => client.openStream());
  for (const stream of streams) stream.on("error", () => undefined);
  const [first] = streams;
  const roundTripMicroseconds = first === undefined ? 0 : Math.round(await echo(first));
  const startMs = performance.now();
  await Promise.all(streams.map(async (stream) => receive(stream, totalBytes / count)));
  const seconds = (performance.now() - startMs) / 1000;
  await client.close();
  socket.destroy();
  child.kill();
  return { arm, mebibytesPerSecond: Math.round(totalBytes / seconds / 1024 / 1024), roundTripMicroseconds };
}

async function main(): Promise<void> {
  const [role, arm] = process.argv.slice(2);
  if (role === "serve") {
    process.send?.(await serveArm(arm as Arm));
    return;
  }
  for (let round = 0; round < Number(role ?? 1); round += 1)
    for (const one of arms) console.log(JSON.stringify({ round, ...(await measure(one)) }));
}

await main();
