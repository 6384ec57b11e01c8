import { setTimeout as delay } from "node:timers/promises";

import type { Engine } from "@clauderon/core";
import type { Logger, RecordRequest, SessionStore } from "@clauderon/core/contract";
import type { ControlEvent, EventPosition, ProxyClient } from "@clauderon/proxy/client";

import { modelEvent } from "./model-event.ts";

export interface StoreModelEventsOptions {
  readonly engine: Pick<Engine, "record">;
  readonly store: Pick<SessionStore, "getFact">;
  readonly logger: Logger;
}

/** How far the proxy's events are stored: `EPOCH SEQUENCE`, written together with them. */
const positionFact = "proxy.model-events";
/** Events that come close together are stored in one transaction. */
const gatherMs = 50;
const batchSize = 1000;
const firstPauseMs = 500;
const longestPauseMs = 30_000;

/**
 * Stores what the proxy sees of models as events of their sessions, each once: the position is stored with the events, and the proxy keeps them until it is told so.
 * Ends with the proxy's process or the signal; never rejects.
 */
export async function storeModelEvents(
  client: ProxyClient,
  { engine, store, logger }: StoreModelEventsOptions,
  signal: AbortSignal,
): Promise<void> {
  const ended = new AbortController();
  void client.ended.then(() => ended.abort());
  const over = AbortSignal.any([signal, ended.signal]);
  for (let pauseMs = firstPauseMs; !over.aborted; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    try {
      await storeFrom(client, { engine, store, logger }, over);
    } catch (error) {
      if (!over.aborted) logger.error({ error, pauseMs }, "events of models could not be stored; the proxy keeps them");
    }
    await delay(pauseMs, undefined, { signal: over, ref: false }).catch(() => undefined);
  }
}

async function storeFrom(
  client: ProxyClient,
  { engine, store, logger }: StoreModelEventsOptions,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const position = readPosition(await store.getFact(positionFact));
  const following = await client.follow(position, { signal: AbortSignal.any([signal, over.signal]) });
  const { epoch, lost, events } = following;
  if (lost > 0) logger.warn({ lost }, "events of models were lost: more waited for a daemon than the proxy keeps");
  try {
    for await (const batch of batches(events)) {
      const sequence = batch.at(-1)?.sequence ?? 0;
      await engine.record({ events: batch.map(toStored), fact: { key: positionFact, value: `${epoch} ${sequence}` } });
      await client.call("acknowledge", { epoch, sequence });
    }
  } finally {
    over.abort();
  }
}

function toStored({ record }: ControlEvent): RecordRequest["events"][number] {
  const { sessionId, sessionName, at } = record;
  return { sessionId, sessionName, at, body: modelEvent(record) };
}

function readPosition(text: string | undefined): EventPosition {
  const [epoch, sequence] = text?.split(" ") ?? [];
  const since = Number(sequence);
  return epoch === undefined || !Number.isSafeInteger(since) ? { since: 0 } : { epoch, since };
}

/** Those that come within a moment, together. */
async function* batches(events: AsyncIterable<ControlEvent>): AsyncGenerator<readonly ControlEvent[], void, void> {
  const each = events[Symbol.asyncIterator]();
  let next = each.next();
  for (;;) {
    const first = await next;
    if (first.done === true) return;
    const batch = [first.value];
    const moment = delay(gatherMs, undefined, { ref: false });
    for (next = each.next(); batch.length < batchSize; next = each.next()) {
      const result = await Promise.race([next, moment]);
      if (result === undefined || result.done === true) break;
      batch.push(result.value);
    }
    yield batch;
  }
}
