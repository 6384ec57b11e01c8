import type { z } from "zod";

import { ClauderonError } from "../contract/errors/clauderon-error.ts";
import { DaemonError } from "../contract/errors/daemon-error.ts";
import { abortable } from "../support/abortable.ts";
import { parseJson } from "../wire/parse-json.ts";
import { errorFromProblem, problemSchema } from "../wire/problem.ts";
import type { Connection, Connector } from "./connection.ts";
import { exchange, type HttpAnswer } from "./http-exchange.ts";

export interface HttpRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** With query. */
  readonly path: string;
  readonly body?: unknown;
  /** In the place of a JSON body. */
  readonly form?: { readonly type: string; readonly bytes: Uint8Array } | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Whether it may be sent again when the connection was lost before an answer came. */
  readonly isRepeatable: boolean;
}

/** Requests to the daemon; answers that are no success reject with the daemon's error. */
export interface HttpClient {
  json<T>(request: HttpRequest, schema: z.ZodType<T>): Promise<T>;
  text(request: HttpRequest): Promise<string>;
  /** The answer once its head is there. */
  open(request: HttpRequest): Promise<HttpAnswer>;
}

const ATTEMPTS = 3;

export function createHttpClient(connector: Connector): HttpClient {
  function open(request: HttpRequest): Promise<HttpAnswer> {
    return attempt(request, (answer) => Promise.resolve(answer));
  }
  async function attempt<T>(request: HttpRequest, take: (answer: HttpAnswer) => Promise<T>): Promise<T> {
    for (let count = 1; ; count += 1) {
      const connection = await abortable(connector.connect(request.signal), request.signal);
      try {
        const answer = await send(connection, request);
        if (answer.isSuccess) return await take(answer);
        throw await errorOf(answer);
      } catch (error) {
        request.signal?.throwIfAborted();
        // The daemon was replaced meanwhile (another token), or is gone (nothing was sent, or it may be sent again).
        const isStale = ClauderonError.isInstance(error, "authentication.required");
        const isLost = !ClauderonError.isInstance(error);
        if (isStale || isLost) connector.forget();
        const mayRepeat = isStale || (isLost && (request.isRepeatable || isRefused(error)));
        if (mayRepeat && count < ATTEMPTS) continue;
        throw isLost ? unreachable(connection, error) : error;
      }
    }
  }
  return {
    open,
    text: (request) => attempt(request, (answer) => answer.text()),
    json: (request, schema) => attempt(request, async (answer) => parseJson(await answer.text(), schema)),
  };
}

function send({ url, token }: Connection, request: HttpRequest): Promise<HttpAnswer> {
  const { method, path, body, form, signal } = request;
  const type = form?.type ?? (body === undefined ? undefined : "application/json");
  return exchange(new URL(path, url), {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(type === undefined ? {} : { "content-type": type }),
    },
    ...(type === undefined ? {} : { body: form?.bytes ?? JSON.stringify(body) }),
    signal,
  });
}

async function errorOf(answer: HttpAnswer): Promise<ClauderonError> {
  const text = await answer.text();
  try {
    return errorFromProblem(parseJson(text, problemSchema));
  } catch {
    return new DaemonError({
      message: `What answers at ${answer.url} is no clauderon daemon of this version`,
      why: `it said ${answer.status}`,
      fix: ["restart the daemon: clauderon daemon restart"],
    });
  }
}

function isRefused(error: unknown): boolean {
  const cause = (error as { readonly cause?: { readonly code?: unknown } }).cause;
  return cause?.code === "ECONNREFUSED";
}

export function unreachable({ url }: Connection, cause: unknown): DaemonError {
  const inner = (cause as { readonly cause?: unknown }).cause ?? cause;
  return new DaemonError({
    message: "The connection to the clauderon daemon was lost",
    why: `${url}: ${inner instanceof Error ? inner.message : String(inner)}`,
    fix: ["try again; what was begun may have been done: clauderon list", "see its log: clauderon daemon logs"],
    cause,
  });
}
