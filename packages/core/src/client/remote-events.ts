import type { CallOptions } from "../contract/call-options.ts";
import { DaemonError } from "../contract/errors/daemon-error.ts";
import type { SessionEvent } from "../contract/session-event.ts";
import { sessionEventSchema } from "../wire/event-schema.ts";
import { parseJson } from "../wire/parse-json.ts";
import type { HttpClient } from "./http-client.ts";

export interface EventOptions extends CallOptions {
  readonly since?: number | undefined;
  readonly follow?: boolean | undefined;
}

/** Events over server-sent events; connects again, from the last cursor, when the daemon is restarted. Ends with the signal, without rejecting. */
export async function* remoteEvents(http: HttpClient, options: EventOptions): AsyncGenerator<SessionEvent, void, void> {
  const stopped = new AbortController();
  const signal = options.signal === undefined ? stopped.signal : AbortSignal.any([options.signal, stopped.signal]);
  let cursor = options.since;
  try {
    for (;;) {
      for await (const event of oneConnection(http, { ...options, since: cursor, signal })) {
        cursor = event.cursor;
        yield event;
      }
      if (signal.aborted || options.follow === false) return;
      // Without a cursor there is no knowing what happened in between.
      if (cursor === undefined) throw lost();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    stopped.abort();
  }
}

async function* oneConnection(http: HttpClient, options: EventOptions): AsyncGenerator<SessionEvent, void, void> {
  const query = new URLSearchParams();
  if (options.since !== undefined) query.set("since", String(options.since));
  if (options.follow === false) query.set("follow", "false");
  const path = `/api/events?${query.toString()}`;
  const answer = await http.open({ method: "GET", path, signal: options.signal, isRepeatable: true });
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const chunk of answer.chunks()) {
      const messages = `${rest}${decoder.decode(chunk, { stream: true })}`.split("\n\n");
      rest = messages.pop() ?? "";
      for (const message of messages) {
        const data = /^data: (.*)$/m.exec(message)?.[1];
        if (data !== undefined) yield parseJson(data, sessionEventSchema);
      }
    }
  } catch (error) {
    // The daemon ended in the middle of the stream; the next connection goes on from the cursor.
    if (!(error instanceof TypeError)) throw error;
  }
}

function lost(): DaemonError {
  return new DaemonError({
    message: "The stream of events was cut off",
    why: "the daemon ended before the first event",
    fix: ["read the sessions anew, then follow events again"],
  });
}
