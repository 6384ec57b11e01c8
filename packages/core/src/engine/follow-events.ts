import type { CallOptions } from "../contract/call-options.ts";
import { RequestError } from "../contract/errors/request-error.ts";
import type { SessionEvent } from "../contract/session-event.ts";
import type { SessionStore } from "../contract/session-store.ts";
import { AsyncQueue } from "../support/async-queue.ts";
import type { EventLog } from "./event-log.ts";

/** A reader that falls further behind than this is cut off; it comes back with its cursor. */
const maxBacklog = 10_000;

/** Stored events after the cursor, then live ones: none twice, none missing. Ends with the signal. */
export async function* followEvents(
  source: { readonly log: EventLog; readonly store: SessionStore },
  options: CallOptions & { readonly since?: number | undefined; readonly follow?: boolean | undefined },
): AsyncGenerator<SessionEvent, void, void> {
  const { log, store } = source;
  const live = new AsyncQueue<SessionEvent>();
  // Listening begins before reading: what happens in between is in both, and the cursor tells it apart.
  const unsubscribe = log.subscribe((events) => {
    for (const event of events) live.push(event);
    if (live.size > maxBacklog) live.end();
  });
  const stop = (): void => live.end();
  options.signal?.addEventListener("abort", stop, { once: true });
  if (options.signal?.aborted === true) stop();
  try {
    let cursor = options.since ?? log.cursor;
    for (;;) {
      const page = await store.events(cursor);
      // From the beginning means from the oldest there is.
      if (page.isGap && cursor > 0) throw expired(cursor);
      for (const event of page.events) {
        if (options.signal?.aborted === true) return;
        yield event;
        cursor = event.cursor;
      }
      if (page.events.length === 0) break;
    }
    if (options.follow === false) return;
    for await (const event of live) {
      if (options.signal?.aborted === true) return;
      if (event.cursor <= cursor) continue;
      yield event;
      cursor = event.cursor;
    }
  } finally {
    unsubscribe();
    options.signal?.removeEventListener("abort", stop);
  }
}

function expired(cursor: number): RequestError {
  return new RequestError({
    code: "request.refused",
    message: `Events after cursor ${cursor} are not kept any more`,
    fix: ["read the sessions anew, then follow events from now on (no cursor)"],
    context: { cursor },
  });
}
