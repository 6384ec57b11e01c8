export type JsonScalar = string | number | boolean | null;

/** What is looked for, e.g. `messages[].role`; made once per format. */
export interface JsonPaths {
  readonly root: JsonPlace;
}

/** A place in a document that is looked for, or on the way to one. */
interface JsonPlace {
  readonly path: string;
  isWanted: boolean;
  readonly members: Map<string, JsonPlace>;
  items: JsonPlace | undefined;
}

export interface JsonHandlers {
  onValue(path: string, value: JsonScalar): void;
  /** An object or array at a wanted path ended. */
  onClose(path: string): void;
}

/** Finds values in JSON that arrives in pieces. Takes anything, throws never, keeps no more than one wanted string. */
export interface JsonScanner {
  write(chunk: Uint8Array): void;
  /** Forgets what is open: the next byte begins a new document. */
  reset(): void;
}

const MAX_STRING_BYTES = 1024 * 1024;
const MAX_KEY_BYTES = 128;
const MAX_LITERAL = 64;
const QUOTE = 34;
const BACKSLASH = 92;

export function jsonPaths(paths: readonly string[]): JsonPaths {
  const root = place("");
  for (const path of paths) {
    let at = root;
    for (const [step] of path.matchAll(/\[\]|[^.[\]]+/g)) {
      if (step === "[]") at = at.items ??= place(`${at.path}[]`);
      else at = memberOf(at, step);
    }
    at.isWanted = true;
  }
  return { root };
}

function place(path: string): JsonPlace {
  return { path, isWanted: false, members: new Map(), items: undefined };
}

function memberOf(parent: JsonPlace, name: string): JsonPlace {
  const known = parent.members.get(name);
  if (known !== undefined) return known;
  const made = place(parent.path === "" ? name : `${parent.path}.${name}`);
  parent.members.set(name, made);
  return made;
}

interface Frame {
  readonly isArray: boolean;
  readonly place: JsonPlace;
  /** Of the value that comes next; absent = nobody looks for it. */
  next: JsonPlace | undefined;
  isKeyNext: boolean;
}

interface Text {
  readonly isKey: boolean;
  /** `undefined` = nobody wants it. */
  readonly place: JsonPlace | undefined;
  pieces: Buffer[] | undefined;
  length: number;
  /** An odd number of backslashes at the end of the last piece. */
  isEscaped: boolean;
}

export function createJsonScanner({ root }: JsonPaths, handlers: JsonHandlers): JsonScanner {
  const frames: Frame[] = [];
  /** Open containers below the last frame that hold nothing wanted. */
  let skipped = 0;
  let text: Text | undefined;
  let literal = "";

  const top = (): Frame | undefined => frames[frames.length - 1];

  function valuePlace(): JsonPlace | undefined {
    const frame = top();
    return frame === undefined ? root : frame.next;
  }

  function endLiteral(): void {
    if (literal === "") return;
    if (skipped === 0 && literal.length <= MAX_LITERAL) {
      const wanted = valuePlace();
      if (wanted?.isWanted === true) {
        const value = parsed(literal);
        if (value !== undefined) handlers.onValue(wanted.path, value);
      }
    }
    literal = "";
  }

  function open(isArray: boolean): void {
    const wanted = skipped > 0 ? undefined : valuePlace();
    if (wanted === undefined) skipped += 1;
    else frames.push({ isArray, place: wanted, next: isArray ? wanted.items : undefined, isKeyNext: !isArray });
  }

  function close(): void {
    endLiteral();
    if (skipped > 0) {
      skipped -= 1;
      return;
    }
    const closed = frames.pop()?.place;
    if (closed !== undefined && (closed.isWanted || closed === root)) handlers.onClose(closed.path);
  }

  function beginText(): Text {
    const frame = top();
    const isKey = skipped === 0 && frame?.isKeyNext === true;
    const found = isKey || skipped > 0 ? undefined : valuePlace();
    const wanted = found?.isWanted === true ? found : undefined;
    return { isKey, place: wanted, pieces: undefined, length: 0, isEscaped: false };
  }

  function collect(into: Text, bytes: Buffer): void {
    if (!into.isKey && into.place === undefined) return;
    into.length += bytes.length;
    into.pieces ??= [];
    if (into.length <= limitOf(into)) into.pieces.push(Buffer.from(bytes));
    else into.pieces = [];
  }

  /** `raw` is what stands between the quotes, or `undefined` where it is too long or nobody wants it. */
  function endText({ isKey, place: wanted }: Text, raw: string | undefined): void {
    text = undefined;
    const value = raw === undefined ? undefined : unescaped(raw);
    const frame = top();
    if (isKey && frame !== undefined) {
      frame.next = value === undefined ? undefined : frame.place.members.get(value);
      frame.isKeyNext = false;
    } else if (wanted !== undefined && value !== undefined) handlers.onValue(wanted.path, value);
  }

  /** What stands between the quotes, of which the last piece is in the chunk. */
  function rawText(current: Text, chunk: Buffer, { from, end }: { readonly from: number; readonly end: number }) {
    const { isKey, place: wanted, pieces, length } = current;
    if (!isKey && wanted === undefined) return undefined;
    if (length + end - from > limitOf(current)) return undefined;
    if (pieces === undefined) return chunk.toString("utf8", from, end);
    return Buffer.concat([...pieces, chunk.subarray(from, end)]).toString();
  }

  /** Reads on in a string; returns where the next byte after it is. */
  function readText(current: Text, chunk: Buffer, from: number): number {
    let start = from;
    for (;;) {
      const quote = chunk.indexOf(QUOTE, start);
      const end = quote === -1 ? chunk.length : quote;
      let before = end;
      while (before > start && chunk[before - 1] === BACKSLASH) before -= 1;
      const isOdd = ((end - before) & 1) === 1;
      const isEscaped = before === start && current.isEscaped ? !isOdd : isOdd;
      current.isEscaped = false;
      if (quote === -1 || isEscaped) {
        collect(current, chunk.subarray(start, quote === -1 ? end : end + 1));
        if (quote === -1) {
          current.isEscaped = isEscaped;
          return end;
        }
        start = end + 1;
        continue;
      }
      endText(current, rawText(current, chunk, { from: start, end }));
      return end + 1;
    }
  }

  function take(byte: number): void {
    switch (byte) {
      case 123:
      case 91:
        literal = "";
        open(byte === 91);
        break;
      case 125:
      case 93:
        close();
        break;
      case 44: {
        endLiteral();
        const frame = top();
        if (skipped === 0 && frame !== undefined) frame.isKeyNext = !frame.isArray;
        break;
      }
      case 32:
      case 10:
      case 13:
      case 9:
      case 58:
        endLiteral();
        break;
      default:
        if (skipped === 0 && literal.length <= MAX_LITERAL) literal += String.fromCharCode(byte);
    }
  }

  return {
    reset() {
      frames.length = 0;
      skipped = 0;
      text = undefined;
      literal = "";
    },
    write(chunk) {
      const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      for (let at = 0; at < bytes.length;) {
        if (text !== undefined) {
          at = readText(text, bytes, at);
          continue;
        }
        const byte = bytes[at++] ?? 0;
        if (byte === QUOTE) text = beginText();
        else take(byte);
      }
    },
  };
}

function limitOf({ isKey }: Text): number {
  return isKey ? MAX_KEY_BYTES : MAX_STRING_BYTES;
}

function unescaped(raw: string): string | undefined {
  if (!raw.includes("\\")) return raw;
  const value = parsed(`"${raw}"`);
  return typeof value === "string" ? value : undefined;
}

function parsed(json: string): JsonScalar | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? undefined : (value as JsonScalar);
  } catch {
    // Not JSON: what arrives is watched, not judged.
    return undefined;
  }
}
