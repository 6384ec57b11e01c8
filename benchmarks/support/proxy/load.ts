import { once } from "node:events";
import { connect } from "node:net";
import { connect as connectTls, createSecureContext, type SecureContext, type TLSSocket } from "node:tls";

import { benchHost, benchPlaceholder, type ArmPlace } from "./place.ts";
import type { Arm } from "./rig.ts";

const contexts = new Map<string, SecureContext>();

/** Parsed once: the list of the proxy's authorities holds all roots of the system. */
function contextOf(ca: string): SecureContext {
  const known =
    contexts.get(ca) ?? createSecureContext({ ca: [ca.slice(0, ca.indexOf("-----END CERTIFICATE-----") + 26)] });
  contexts.set(ca, known);
  return known;
}

export interface OpenOptions {
  readonly host?: string;
  /** Which session of the arm. */
  readonly authorization?: string | undefined;
}

/** TLS with the host behind the arm: through CONNECT, or straight to the upstream. */
export async function open({ name, place }: Arm, upstreamPort: number, options: OpenOptions = {}): Promise<TLSSocket> {
  const { host = benchHost, authorization = place.authorization } = options;
  const socket = connect({ port: place.port, host: "127.0.0.1", noDelay: true });
  if (name !== "direct") await sendConnect(socket, { place, target: `${host}:${upstreamPort}`, authorization });
  const tls = connectTls({ socket, servername: host, secureContext: contextOf(place.ca), ALPNProtocols: ["http/1.1"] });
  await once(tls, "secureConnect");
  return tls;
}

async function sendConnect(
  socket: ReturnType<typeof connect>,
  { target, authorization }: { place: ArmPlace; target: string; authorization: string | undefined },
): Promise<void> {
  const line = authorization === undefined ? "" : `proxy-authorization: ${authorization}\r\n`;
  socket.write(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n${line}\r\n`);
  await new Promise<void>((resolve, reject) => {
    let text = "";
    const take = (chunk: Buffer): void => {
      text += chunk.toString("latin1");
      if (!text.includes("\r\n\r\n")) return;
      socket.off("data", take).off("error", reject).off("close", leave);
      socket.pause();
      if (text.startsWith("HTTP/1.1 200")) resolve();
      else reject(new Error(`the proxy refused: ${text}`));
    };
    const leave = (): void => reject(new Error(`the proxy closed the connection: ${text}`));
    socket.on("data", take).once("error", reject).once("close", leave);
  });
}

/** The head of a request as an agent sends it. */
export function requestHead(
  path: string,
  upstreamPort: number,
  options: { readonly host?: string; readonly bodyBytes?: number } = {},
): string {
  const { host = benchHost, bodyBytes } = options;
  const lines = [
    `${bodyBytes === undefined ? "GET" : "POST"} ${path} HTTP/1.1`,
    `host: ${host}:${upstreamPort}`,
    "user-agent: bench/1.0",
    "accept: application/json",
    `authorization: Bearer ${benchPlaceholder}`,
    ...(bodyBytes === undefined ? [] : ["content-type: application/json", `content-length: ${bodyBytes}`]),
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** One connection, whose answers are read whole and thrown away. */
export class Requester {
  readonly tls: TLSSocket;
  #head = "";
  #left = -1;
  #isChunked = false;
  #tail = "";
  #done: (() => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  constructor(tls: TLSSocket) {
    this.tls = tls;
    tls.on("data", (chunk: Buffer) => this.#take(chunk));
    tls.on("error", (error) => this.#failed?.(error));
    tls.on("close", () => this.#failed?.(new Error("the connection closed before the answer was whole")));
  }

  async send(...parts: readonly (string | Buffer)[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#done = resolve;
      this.#failed = reject;
      for (const part of parts) this.tls.write(part);
    });
  }

  close(): void {
    this.#failed = undefined;
    this.tls.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.#left >= 0) {
      this.#left -= chunk.length;
    } else if (!this.#isChunked) {
      this.#head += chunk.toString("latin1");
      const end = this.#head.indexOf("\r\n\r\n");
      if (end === -1) return;
      const length = /\r\ncontent-length: *(?<size>\d+)/iu.exec(this.#head.slice(0, end + 2))?.groups?.["size"];
      const status = this.#head.slice(9, 12);
      const rest = this.#head.length - end - 4;
      if (status !== "200") this.#failed?.(new Error(`an answer that is none: ${this.#head.slice(0, 300)}`));
      if (length === undefined) {
        this.#isChunked = true;
        this.#tail = this.#head.slice(-5);
      } else this.#left = Number(length) - rest;
      this.#head = "";
    } else this.#tail = (this.#tail + chunk.toString("latin1", Math.max(0, chunk.length - 5))).slice(-5);
    if (this.#isChunked ? this.#tail !== "0\r\n\r\n" : this.#left > 0) return;
    this.#left = -1;
    this.#isChunked = false;
    const done = this.#done;
    this.#failed = undefined;
    done?.();
  }
}

export interface RateOptions {
  readonly upstreamPort: number;
  readonly connections: number;
  readonly forMs: number;
  readonly request: readonly (string | Buffer)[];
}

export interface Rate {
  readonly perSecond: number;
  readonly p99Ms: number;
  readonly meanMs: number;
  /** Of the proxy. */
  readonly cpuMicroseconds: number;
}

/** Sends the request over and over on so many connections for so long. */
export async function rate(arm: Arm, options: RateOptions): Promise<Rate> {
  const { upstreamPort, connections, forMs, request } = options;
  const requesters = await Promise.all(
    Array.from({ length: connections }, async () => new Requester(await open(arm, upstreamPort))),
  );
  // Warm: the upstream's connections are made, the code is compiled.
  await Promise.all(requesters.map(async (requester) => requester.send(...request)));
  const before = await arm.process.facts();
  const samples: number[] = [];
  const startMs = performance.now();
  const endMs = startMs + forMs;
  await Promise.all(
    requesters.map(async (requester) => {
      for (let now = performance.now(); now < endMs;) {
        await requester.send(...request);
        const after = performance.now();
        samples.push(after - now);
        now = after;
      }
    }),
  );
  const seconds = (performance.now() - startMs) / 1000;
  const after = await arm.process.facts();
  for (const requester of requesters) requester.close();
  const sorted = samples.toSorted((left, right) => left - right);
  return {
    perSecond: samples.length / seconds,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN,
    meanMs: samples.reduce((sum, sample) => sum + sample, 0) / samples.length,
    cpuMicroseconds: (after.cpuMicroseconds - before.cpuMicroseconds) / samples.length,
  };
}

/** New connections, each with CONNECT, TLS and one request, so many at a time. */
export async function connectionRate(arm: Arm, options: Omit<RateOptions, "request">): Promise<Rate> {
  const { upstreamPort, connections, forMs } = options;
  const before = await arm.process.facts();
  const samples: number[] = [];
  const startMs = performance.now();
  const endMs = startMs + forMs;
  const request = requestHead("/json", upstreamPort);
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (let now = performance.now(); now < endMs; now = performance.now()) {
        const requester = new Requester(await open(arm, upstreamPort));
        await requester.send(request);
        requester.close();
        samples.push(performance.now() - now);
      }
    }),
  );
  const seconds = (performance.now() - startMs) / 1000;
  const after = await arm.process.facts();
  const sorted = samples.toSorted((left, right) => left - right);
  return {
    perSecond: samples.length / seconds,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN,
    meanMs: samples.reduce((sum, sample) => sum + sample, 0) / samples.length,
    cpuMicroseconds: (after.cpuMicroseconds - before.cpuMicroseconds) / samples.length,
  };
}
