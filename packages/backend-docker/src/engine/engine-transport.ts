import { IncomingMessage } from "node:http";
import type { Duplex, Readable } from "node:stream";

import { abortable, parseJson } from "@clauderon/core/host";

import { EngineError } from "./engine-error.ts";

export interface EngineRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Without the version; may not have a query. */
  readonly path: string;
  readonly query?: Readonly<Record<string, unknown>> | undefined;
  readonly body?: Readonly<Record<string, unknown>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** What is also an answer, besides 2xx. */
  readonly accept?: readonly number[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The engine is given up after so long; default 60 s. */
  readonly timeoutMs?: number | undefined;
}

export interface EngineAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Parsed when it is JSON. */
  readonly body: unknown;
}

/** The part of docker-modem that is used: everything else of dockerode goes through it, too. */
interface Modem {
  dial(options: DialOptions, done: (error: Error | null, result: unknown) => void): void;
}

interface DialOptions {
  readonly path: string;
  readonly method: string;
  readonly options: { readonly _query: object; readonly _body: object };
  readonly statusCodes: Readonly<Record<number, true>>;
  readonly isStream: true;
  readonly hijack: boolean;
  readonly headers: Record<string, string>;
  readonly abortSignal: AbortSignal;
}

const usualTimeoutMs = 60_000;

/** Every status is handed over: dockerode calls 304 an error, and its own errors lose the engine's words. */
const everyStatus: Readonly<Record<number, true>> = Object.fromEntries(
  Array.from({ length: 500 }, (_, index) => [100 + index, true]),
);

/** One socket of an engine. Requests go through dockerode's own connection code; answers are read here. */
export class EngineTransport {
  readonly socketPath: string;
  #modem: Promise<Modem> | undefined;
  #version: string | undefined;

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  /** Of all requests that follow: `v1.44`. */
  setVersion(version: string): void {
    this.#version = version;
  }

  async request(request: EngineRequest): Promise<EngineAnswer> {
    const timeout = AbortSignal.timeout(request.timeoutMs ?? usualTimeoutMs);
    const signal = request.signal === undefined ? timeout : AbortSignal.any([request.signal, timeout]);
    try {
      const answer = await this.#dial(request, { signal, hijack: false });
      const body = bodyOf(await abortable(textOf(answer), signal));
      const status = answer.statusCode ?? 0;
      if (!isAccepted(status, request)) throw new EngineError(messageOf(body), { status });
      return { status, headers: headersOf(answer), body };
    } catch (error) {
      request.signal?.throwIfAborted();
      throw systemError(error, timeout.aborted);
    }
  }

  /** The answer's body as it comes, for as long as it comes; destroying it ends the request. */
  async stream(request: EngineRequest): Promise<Readable> {
    const gone = new AbortController();
    const signal = request.signal === undefined ? gone.signal : AbortSignal.any([request.signal, gone.signal]);
    try {
      const answer = await this.#dial(request, { signal, hijack: false });
      const status = answer.statusCode ?? 0;
      if (!isAccepted(status, request)) throw new EngineError(messageOf(bodyOf(await textOf(answer))), { status });
      answer.once("close", () => gone.abort());
      return answer;
    } catch (error) {
      request.signal?.throwIfAborted();
      throw systemError(error, false);
    }
  }

  /** A connection in both directions. The signal ends the wait for it alone. */
  async upgrade(request: EngineRequest): Promise<Duplex> {
    const timeout = AbortSignal.timeout(request.timeoutMs ?? usualTimeoutMs);
    const signal = request.signal === undefined ? timeout : AbortSignal.any([request.signal, timeout]);
    try {
      const answer = (await this.#dial(request, { signal, hijack: true })) as IncomingMessage | Duplex;
      if (answer instanceof IncomingMessage) {
        throw new EngineError(messageOf(bodyOf(await textOf(answer))), { status: answer.statusCode ?? 0 });
      }
      return answer;
    } catch (error) {
      request.signal?.throwIfAborted();
      throw systemError(error, timeout.aborted);
    }
  }

  async #dial(
    request: EngineRequest,
    { signal, hijack }: { readonly signal: AbortSignal; readonly hijack: boolean },
  ): Promise<IncomingMessage> {
    this.#modem ??= loadModem(this.socketPath);
    const modem = await this.#modem;
    signal.throwIfAborted();
    const prefix = this.#version === undefined ? "" : `/${this.#version}`;
    const dialed = new Promise<IncomingMessage>((resolve, reject) => {
      modem.dial(
        {
          path: `${prefix}${request.path}?`,
          method: request.method,
          options: { _query: request.query ?? {}, _body: request.body ?? {} },
          statusCodes: everyStatus,
          isStream: true,
          hijack,
          headers: { ...request.headers },
          abortSignal: signal,
        },
        (error, result) => {
          if (error === null) resolve(result as IncomingMessage);
          else reject(error);
        },
      );
    });
    return abortable(dialed, signal);
  }
}

/** Loaded with the first request: it takes a tenth of a second. */
async function loadModem(socketPath: string): Promise<Modem> {
  const { default: Docker } = await import("dockerode");
  // All of it named: what is left out dockerode takes from DOCKER_HOST, which may mean another engine.
  const options: object = { socketPath, protocol: "http", host: undefined, port: undefined, version: undefined };
  const { modem }: { readonly modem: Modem } = new Docker(options);
  return modem;
}

function isAccepted(status: number, { accept = [] }: EngineRequest): boolean {
  return (status >= 200 && status < 300) || accept.includes(status);
}

async function textOf(answer: Readable): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString("utf8");
}

function bodyOf(text: string): unknown {
  try {
    return parseJson(text, "the engine's answer");
  } catch {
    // Errors before an upgrade, and `/_ping`, are plain text.
    return text;
  }
}

function messageOf(body: unknown): string {
  if (typeof body === "object" && body !== null && "message" in body) return String(body.message).trim();
  return typeof body === "string" ? body.trim() : "the engine gave no reason";
}

function headersOf({ headers }: IncomingMessage): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

function systemError(error: unknown, isTimedOut: boolean): unknown {
  if (error instanceof EngineError) return error;
  if (isTimedOut) return new EngineError("it did not answer in time", { systemCode: "TIMEOUT", cause: error });
  const code = (error as NodeJS.ErrnoException).code;
  const message = error instanceof Error ? error.message : String(error);
  return new EngineError(message, { ...(code === undefined ? {} : { systemCode: code }), cause: error });
}
