import type { SessionEvent } from "@clauderon/core/contract";

import type { HttpContext } from "../http-context.ts";

/** Keeps readers and whatever is between awake. */
const HEARTBEAT_MS = 15_000;
/** Events that may lie unsent for a slow reader. */
const WAITING_EVENTS = 100;

/** Server-sent events. Rejects, before anything is sent, when the cursor has expired. */
export async function eventStream(
  context: HttpContext,
  options: {
    readonly since: number | undefined;
    readonly follow: boolean | undefined;
    readonly gone: AbortSignal;
  },
): Promise<Response> {
  const cancelled = new AbortController();
  const signal = AbortSignal.any([options.gone, context.ending, cancelled.signal]);
  const stream = context.engine.events({ since: options.since, follow: options.follow, signal });
  const events = stream[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  // Asked for at once, so that an expired cursor is a problem body, and no event between now and the first read is missed.
  let next = events.next();
  const first = await Promise.race([next, new Promise<undefined>((resolve) => setImmediate(resolve, undefined))]);
  if (first !== undefined) next = Promise.resolve(first);
  let heartbeat: NodeJS.Timeout | undefined;
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        controller.enqueue(encoder.encode(": clauderon events\n\n"));
        heartbeat = setInterval(() => controller.enqueue(encoder.encode(":\n\n")), HEARTBEAT_MS);
        heartbeat.unref();
      },
      async pull(controller) {
        const result = await next;
        if (result.done === true) {
          clearInterval(heartbeat);
          controller.close();
          return;
        }
        controller.enqueue(encoder.encode(message(result.value)));
        next = events.next();
      },
      cancel() {
        clearInterval(heartbeat);
        cancelled.abort();
      },
    },
    { highWaterMark: WAITING_EVENTS },
  );
  return new Response(body, { headers: { "content-type": "text/event-stream; charset=utf-8" } });
}

function message(event: SessionEvent): string {
  return `id: ${event.cursor}\ndata: ${JSON.stringify(event)}\n\n`;
}
