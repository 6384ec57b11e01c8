import type { IncomingMessage } from "node:http";

export interface HttpExchange {
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An answer whose head is there. */
export interface HttpAnswer {
  readonly url: string;
  readonly status: number;
  readonly isSuccess: boolean;
  /** What has come of the body so far; rejects with `TypeError` when the connection is lost in the middle. */
  chunks(): AsyncGenerator<Uint8Array, void, void>;
  text(): Promise<string>;
}

/**
 * One request. Over `node:http`, because loading what is behind `fetch` takes longer than most commands; taken from the process, because an
 * `import` reads all its exports, and some of them load just that. Rejects with the signal's reason, and
 * with `TypeError` (the cause inside) when the connection fails, as `fetch` does.
 */
export async function exchange(url: URL, { method, headers, body, signal }: HttpExchange): Promise<HttpAnswer> {
  signal?.throwIfAborted();
  const { request: start } = process.getBuiltinModule(url.protocol === "https:" ? "node:https" : "node:http");
  const answered = Promise.withResolvers<IncomingMessage>();
  const request = start(url, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { "content-length": Buffer.byteLength(body) }) },
    ...(signal === undefined ? {} : { signal }),
  });
  request.once("response", answered.resolve);
  // Also later ones, of an answer nobody reads to its end.
  request.on("error", answered.reject);
  request.end(body);
  try {
    return answer(url, await answered.promise, signal);
  } catch (cause) {
    signal?.throwIfAborted();
    throw lost(cause);
  }
}

function answer(url: URL, message: IncomingMessage, signal: AbortSignal | undefined): HttpAnswer {
  const status = message.statusCode ?? 0;
  message.on("error", handledByTheReader);
  async function* chunks(): AsyncGenerator<Uint8Array, void, void> {
    try {
      for await (const chunk of message) yield chunk as Uint8Array;
    } catch (cause) {
      signal?.throwIfAborted();
      throw lost(cause);
    }
  }
  return {
    url: url.href,
    status,
    isSuccess: status >= 200 && status < 300,
    chunks,
    async text() {
      const parts: Uint8Array[] = [];
      for await (const chunk of chunks()) parts.push(chunk);
      return Buffer.concat(parts).toString("utf8");
    },
  };
}

const lost = (cause: unknown): TypeError => new TypeError("the connection was lost", { cause });

const handledByTheReader = (): void => undefined;
