import type { TapRecord } from "./tap-event.ts";

/** Hands records from the data path to readers that may be slow. */
export interface RecordQueue {
  push(record: TapRecord): void;
  /** Every record from now on; a reader that leaves its loop is forgotten. */
  subscribe(signal?: AbortSignal): AsyncIterable<TapRecord>;
}

const MAX_WAITING = 10_000;

/**
 * Lengths of text that wait for the same reader are added up, so that a slow reader costs little. One that lets 10,000 records wait is ended with an error:
 * records are never left out silently.
 */
export function createRecordQueue(): RecordQueue {
  const readers = new Set<(record: TapRecord) => void>();
  return {
    push(record) {
      for (const reader of readers) reader(record);
    },
    subscribe(signal) {
      return { [Symbol.asyncIterator]: () => read(readers, signal) };
    },
  };
}

function read(readers: Set<(record: TapRecord) => void>, signal?: AbortSignal): AsyncIterator<TapRecord> {
  const waiting: TapRecord[] = [];
  let wake = Promise.withResolvers<void>();
  let isBehind = false;
  let isOver = false;
  const reader = (record: TapRecord): void => {
    if (waiting.length >= MAX_WAITING) isBehind = true;
    else add(waiting, record);
    wake.resolve();
  };
  const leave = (): void => {
    isOver = true;
    readers.delete(reader);
    wake.resolve();
  };
  readers.add(reader);
  if (signal?.aborted === true) leave();
  signal?.addEventListener("abort", leave, { once: true });
  return {
    async next() {
      for (;;) {
        const record = waiting.shift();
        if (record !== undefined) return { done: false, value: record };
        if (isBehind) {
          leave();
          throw new Error("the reader of the model tap fell behind");
        }
        if (isOver) return { done: true, value: undefined };
        wake = Promise.withResolvers<void>();
        await wake.promise;
      }
    },
    async return() {
      leave();
      return { done: true, value: undefined };
    },
  };
}

function add(waiting: TapRecord[], record: TapRecord): void {
  const last = waiting.at(-1);
  if (last?.event.type === "text" && record.event.type === "text" && last.exchangeId === record.exchangeId) {
    const characters = last.event.characters + record.event.characters;
    waiting[waiting.length - 1] = { ...record, event: { type: "text", characters } };
  } else waiting.push(record);
}
