/** An answer that is not HTTP/1.1 in the one way that it can be read. */
export class AnswerError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "AnswerError";
    this.code = code;
  }
}

/** What is told of an answer, in order. */
export interface AnswerEvents {
  /** Also of interim answers (1xx). Names and values in turn. */
  onHead(status: number, reason: string, lines: readonly string[]): void;
  onData(chunk: Buffer): void;
  /** Trailers as names and values in turn. */
  onEnd(trailers: readonly string[]): void;
}

type State = "head" | "sized" | "chunk-head" | "chunk" | "chunk-end" | "trailers" | "until-close" | "done";

const headStart = "HTTP/1.";
const lineEnd = "\r\n";
const headEnd = "\r\n\r\n";
const longestChunkHead = 1024;
/** Status line and fields of RFC 9112, nothing more lenient: no lone line feeds, no folded lines, no control characters, no blank before a colon. */
const headPattern =
  // oxlint-disable-next-line no-control-regex -- the tab is the one control character that a field may hold
  /^HTTP\/1\.[01] \d{3}(?: [\t -~\u0080-\u00ff]*)?(?:\r\n[\w!#$%&'*+.^`|~-]+:[\t -~\u0080-\u00ff]*)*$/;
// oxlint-disable-next-line no-control-regex -- as above
const fieldsPattern = /^(?:[\w!#$%&'*+.^`|~-]+:[\t -~\u0080-\u00ff]*\r\n)*$/;
const chunkHeadPattern = /^([0-9A-Fa-f]{1,12})(?:;[\t -~\u0080-\u00ff]*)?$/;
const sizePattern = /^\d{1,15}$/;
const closePattern = /(?:^|,)[\t ]*close[\t ]*(?:,|$)/i;
const keepPattern = /(?:^|,)[\t ]*keep-alive[\t ]*(?:,|$)/i;

/**
 * Reads the answers of one connection, one after the other, strictly: an answer whose end could be seen in two places is an error. Chunks are passed on as they
 * come and hold no byte of the framing.
 */
export class AnswerParser {
  readonly #events: AnswerEvents;
  readonly #headerBytes: number;
  #state: State = "done";
  #method = "";
  #pending: Buffer | undefined;
  #left = 0;
  /** Of all heads of one answer: interim ones cost the client memory, too, and may come without end. */
  #headBytesLeft = 0;
  #keepsConnection = false;
  #keepMs = Number.POSITIVE_INFINITY;

  constructor(events: AnswerEvents, { headerBytes }: { readonly headerBytes: number }) {
    this.#events = events;
    this.#headerBytes = headerBytes;
  }

  /** The answer that comes next is that to a request of this method. */
  begin(method: string): void {
    this.#state = "head";
    this.#method = method;
    this.#pending = undefined;
    this.#headBytesLeft = this.#headerBytes;
    this.#keepsConnection = false;
    this.#keepMs = Number.POSITIVE_INFINITY;
  }

  /** Nothing of the answer is missing. */
  get isDone(): boolean {
    return this.#state === "done";
  }

  /** The connection may carry another request when the answer is done. */
  get keepsConnection(): boolean {
    return this.#keepsConnection;
  }

  /** How long the server says it keeps an idle connection. */
  get keepMs(): number {
    return this.#keepMs;
  }

  /** Takes what came. Throws on what is no answer; false = bytes came behind the answer's end. */
  take(chunk: Buffer): boolean {
    let bytes = chunk;
    if (this.#pending !== undefined) {
      bytes = Buffer.concat([this.#pending, chunk]);
      this.#pending = undefined;
    }
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === "done") return false;
      const next = this.#step(bytes, at);
      if (next === undefined) {
        this.#pending = at === 0 ? bytes : bytes.subarray(at);
        return true;
      }
      at = next;
    }
    return true;
  }

  /** The connection ended; true when that was the end of the answer. */
  end(): boolean {
    if (this.#state !== "until-close") return this.#state === "done";
    this.#finish([]);
    return true;
  }

  /** Where to go on, or nothing when more is needed. */
  #step(bytes: Buffer, at: number): number | undefined {
    switch (this.#state) {
      case "head": {
        return this.#takeHead(bytes, at);
      }
      case "sized":
      case "chunk": {
        return this.#takeData(bytes, at);
      }
      case "chunk-head": {
        return this.#takeChunkHead(bytes, at);
      }
      case "chunk-end": {
        if (bytes.length - at < lineEnd.length) return undefined;
        if (bytes[at] !== 13 || bytes[at + 1] !== 10) throw malformed("a chunk does not end where it should");
        this.#state = "chunk-head";
        return at + lineEnd.length;
      }
      case "trailers": {
        return this.#takeTrailers(bytes, at);
      }
      default: {
        this.#events.onData(at === 0 ? bytes : bytes.subarray(at));
        return bytes.length;
      }
    }
  }

  #takeHead(bytes: Buffer, at: number): number | undefined {
    const end = bytes.indexOf(headEnd, at, "latin1");
    if ((end === -1 ? bytes.length : end) - at > this.#headBytesLeft)
      throw new AnswerError("HEAD_TOO_LARGE", "the head of the answer is too large");
    if (end === -1) {
      if (!isHeadStart(bytes, at) || hasLoneLineFeed(bytes, at)) throw malformed("its head is malformed");
      return undefined;
    }
    const text = bytes.toString("latin1", at, end);
    if (!headPattern.test(text)) throw malformed("its head is malformed");
    this.#headBytesLeft -= end + headEnd.length - at;
    this.#readHead(text);
    return end + headEnd.length;
  }

  #readHead(text: string): void {
    const firstEnd = text.indexOf(lineEnd);
    const status = Number(text.slice(9, 12));
    const reason = firstEnd === -1 ? text.slice(13) : text.slice(13, firstEnd);
    const lines = firstEnd === -1 ? [] : fieldsOf(text, firstEnd + lineEnd.length);
    if (status < 100 || status === 101) throw malformed(`its status ${status} was not asked for`);
    if (status >= 200) this.#frame(status, lines, text.startsWith("HTTP/1.1"));
    this.#events.onHead(status, reason, lines);
    if (this.#state === "sized" && this.#left === 0) this.#finish([]);
  }

  /** Where the body ends (RFC 9112 §6.3). */
  #frame(status: number, lines: readonly string[], isOneOne: boolean): void {
    let size: number | undefined;
    let isChunked = false;
    let saysClose = false;
    let saysKeep = isOneOne;
    for (let index = 0; index < lines.length; index += 2) {
      const name = lines[index] ?? "";
      const value = lines[index + 1] ?? "";
      // No other name of this length means anything here.
      if (name.length !== 10 && name.length !== 14 && name.length !== 17) continue;
      const lower = name.toLowerCase();
      if (lower === "content-length") {
        if (size !== undefined || !sizePattern.test(value)) throw malformed("its Content-Length");
        size = Number(value);
      } else if (lower === "transfer-encoding") {
        if (isChunked || !isOneOne || value.toLowerCase() !== "chunked") throw malformed("its Transfer-Encoding");
        isChunked = true;
      } else if (lower === "connection") {
        saysClose ||= closePattern.test(value);
        saysKeep ||= keepPattern.test(value);
      } else if (lower === "keep-alive") this.#keepMs = keepMsOf(value) ?? this.#keepMs;
    }
    if (isChunked && size !== undefined) throw malformed("its length, given twice");
    const isBare = this.#method === "HEAD" || status === 204 || status === 304;
    const isEndless = !isBare && !isChunked && size === undefined;
    this.#keepsConnection = saysKeep && !saysClose && !isEndless;
    this.#left = isBare ? 0 : (size ?? 0);
    if (isEndless) this.#state = "until-close";
    else this.#state = isChunked && !isBare ? "chunk-head" : "sized";
  }

  #takeData(bytes: Buffer, at: number): number {
    const available = bytes.length - at;
    const count = Math.min(available, this.#left);
    this.#left -= count;
    const isWhole = count === bytes.length;
    this.#events.onData(isWhole ? bytes : bytes.subarray(at, at + count));
    if (this.#left === 0) {
      if (this.#state === "chunk") this.#state = "chunk-end";
      else this.#finish([]);
    }
    return at + count;
  }

  #takeChunkHead(bytes: Buffer, at: number): number | undefined {
    const end = bytes.indexOf(lineEnd, at, "latin1");
    if ((end === -1 ? bytes.length : end) - at > longestChunkHead) throw malformed("a chunk's head is too long");
    if (end === -1) {
      if (hasLoneLineFeed(bytes, at)) throw malformed("a chunk's head");
      return undefined;
    }
    const size = chunkHeadPattern.exec(bytes.toString("latin1", at, end))?.[1];
    if (size === undefined) throw malformed("a chunk's head");
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? "trailers" : "chunk";
    return end + lineEnd.length;
  }

  #takeTrailers(bytes: Buffer, at: number): number | undefined {
    if (bytes.length - at >= 2 && bytes[at] === 13 && bytes[at + 1] === 10) {
      this.#finish([]);
      return at + lineEnd.length;
    }
    const end = bytes.indexOf(headEnd, at, "latin1");
    if ((end === -1 ? bytes.length : end) - at > this.#headerBytes)
      throw new AnswerError("HEAD_TOO_LARGE", "the trailers of the answer are too large");
    if (end === -1) {
      if (hasLoneLineFeed(bytes, at)) throw malformed("its trailers");
      return undefined;
    }
    const text = bytes.toString("latin1", at, end + lineEnd.length);
    if (!fieldsPattern.test(text)) throw malformed("its trailers");
    this.#finish(fieldsOf(text.slice(0, -lineEnd.length), 0));
    return end + headEnd.length;
  }

  #finish(trailers: readonly string[]): void {
    this.#state = "done";
    this.#events.onEnd(trailers);
  }
}

/** Names and values in turn, of lines that were checked. */
export function fieldsOf(text: string, from: number): string[] {
  const fields: string[] = [];
  for (let at = from; at < text.length;) {
    const end = text.indexOf(lineEnd, at);
    const last = end === -1 ? text.length : end;
    const colon = text.indexOf(":", at);
    fields.push(text.slice(at, colon), trimmed(text, colon + 1, last));
    at = last + lineEnd.length;
  }
  return fields;
}

/** Without the blanks around it (RFC 9110 §5.5): spaces and tabs, nothing else. */
function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

/** What has come of a head can still become one: whoever waits for the rest of something else waits for long. */
function isHeadStart(bytes: Buffer, at: number): boolean {
  const start = bytes.toString("latin1", at, Math.min(bytes.length, at + headStart.length));
  return headStart.startsWith(start);
}

function hasLoneLineFeed(bytes: Buffer, from: number): boolean {
  for (let at = bytes.indexOf(10, from); at !== -1; at = bytes.indexOf(10, at + 1))
    if (at === from || bytes[at - 1] !== 13) return true;
  return false;
}

function keepMsOf(value: string): number | undefined {
  const seconds = /(?:^|[\s,;])timeout=(\d{1,6})/i.exec(value)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

function malformed(what: string): AnswerError {
  return new AnswerError("ANSWER_MALFORMED", `the upstream's answer cannot be read: ${what}`);
}
