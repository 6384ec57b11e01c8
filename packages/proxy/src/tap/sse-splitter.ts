/** Splits server-sent events (HTML, section 9.2.5) without keeping them. */
export interface SseSplitter {
  write(chunk: Uint8Array): void;
}

export interface SseHandlers {
  /** A piece of an event's data; the lines of one event come as one document, each ended by a newline. */
  onData(piece: Uint8Array): void;
  /** An empty line: the event is complete. */
  onEvent(): void;
}

const FIELD = "data:";

export function createSseSplitter(handlers: SseHandlers): SseSplitter {
  /** How many characters of `data:` the line has matched; -1 = it is another line. */
  let matched = 0;
  let isLineEmpty = true;
  let isAfterReturn = false;

  function endLine(): void {
    if (isLineEmpty) handlers.onEvent();
    else if (matched === FIELD.length) handlers.onData(NEWLINE);
    matched = 0;
    isLineEmpty = true;
  }

  return {
    write(chunk) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      for (let at = 0; at < bytes.length;) {
        const byte = bytes[at];
        if (byte === 13 || byte === 10) {
          at += 1;
          if (byte === 13 || !isAfterReturn) endLine();
          isAfterReturn = byte === 13;
          continue;
        }
        isAfterReturn = false;
        isLineEmpty = false;
        if (matched >= 0 && matched < FIELD.length) {
          matched = byte === FIELD.charCodeAt(matched) ? matched + 1 : -1;
          at += 1;
          continue;
        }
        const end = lineEnd(bytes, at);
        if (matched === FIELD.length) handlers.onData(bytes.subarray(at, end));
        at = end;
      }
    },
  };
}

const NEWLINE = new Uint8Array([10]);

function lineEnd(bytes: Buffer, from: number): number {
  const feed = bytes.indexOf(10, from);
  const end = feed === -1 ? bytes.length : feed;
  const carriage = bytes.subarray(from, end).indexOf(13);
  return carriage === -1 ? end : from + carriage;
}
