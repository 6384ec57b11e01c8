/** The far end of carriers, as a program of its own: asks once per carrier, which is cut after so many bytes, and tells what came. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { connect as connectTls } from "node:tls";

import { createCarrierClient } from "../../carrier/create-carrier-client.ts";
import { openCarrier } from "../open-carrier.ts";

export interface CarrierTask {
  readonly home: string;
  readonly sessionId: string;
  readonly target: string;
  readonly ca: string;
  /** After how many bytes, both directions together, the first carrier of each conversation is cut. */
  readonly cuts: readonly number[];
}

export interface CarrierOutcome {
  readonly cut: number;
  readonly carriers: number;
  /** Bytes that the first carrier let through. */
  readonly bytes: number;
  readonly status: string;
  /** SHA-256 of the body. */
  readonly hash: string;
}

interface Cutting {
  readonly carrier: Duplex;
  readonly bytes: () => number;
}

function cutting(socket: Socket, most: number): Cutting {
  let bytes = 0;
  const take = (chunk: Buffer): Buffer => {
    const part = chunk.subarray(0, most - bytes);
    bytes += part.length;
    return part;
  };
  const cutAtEnd = (): void => {
    if (bytes >= most) carrier.destroy();
  };
  const carrier: Duplex = new Duplex({
    read: () => void socket.resume(),
    write(chunk: Buffer, _encoding, done) {
      socket.write(take(chunk), () => {
        done();
        cutAtEnd();
      });
    },
    destroy(error, done) {
      socket.destroy();
      done(error);
    },
  });
  socket.on("data", (chunk: Buffer) => {
    if (!carrier.push(take(chunk))) socket.pause();
    cutAtEnd();
  });
  socket.once("close", () => carrier.destroy());
  cutAtEnd();
  return { carrier, bytes: () => bytes };
}

async function converse(task: CarrierTask, cut: number): Promise<CarrierOutcome> {
  let carriers = 0;
  let isOver = false;
  let first: Cutting | undefined;
  const join = async (): Promise<void> => {
    carriers += 1;
    const made = cutting(await openCarrier(task.home, task.sessionId), first === undefined ? cut : Infinity);
    first ??= made;
    // A carrier that is cut in its handshake is followed by another.
    await client.attach(made.carrier).catch(async () => {
      made.carrier.destroy();
      if (!isOver) await join();
    });
  };
  await using client = createCarrierClient({ onLost: () => void join() });
  await join();
  const stream = client.openStream();
  stream.write(`CONNECT ${task.target} HTTP/1.1\r\nhost: ${task.target}\r\n\r\n`);
  let answer = "";
  while (!answer.includes("\r\n\r\n")) {
    const part = stream.read() as Buffer | null;
    if (part === null) await once(stream, "readable");
    else answer += part.toString("latin1");
  }
  const host = task.target.replace(/:\d+$/u, "");
  const tls = connectTls({ socket: stream, servername: host, ca: task.ca, ALPNProtocols: ["http/1.1"] });
  // The closing of the client at the end is seen as an error here.
  tls.on("error", () => undefined);
  tls.write(
    `POST /v1/messages HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 9000\r\nConnection: close\r\n\r\n${"q".repeat(9000)}`,
  );
  const whole = await text(tls);
  isOver = true;
  const end = whole.indexOf("\r\n\r\n");
  return {
    cut,
    carriers,
    bytes: first?.bytes() ?? 0,
    status: whole.slice(9, 12),
    hash: createHash("sha256").update(whole.slice(end)).digest("hex"),
  };
}

const task = JSON.parse(await text(process.stdin)) as CarrierTask;
const left = [...task.cuts];
const outcomes: CarrierOutcome[] = [];
await Promise.all(
  Array.from({ length: 4 }, async () => {
    for (let cut = left.shift(); cut !== undefined; cut = left.shift()) outcomes.push(await converse(task, cut));
  }),
);
process.stdout.write(JSON.stringify(outcomes));
