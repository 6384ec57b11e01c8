export type JsonScalar = string | number | boolean | null;

/** What is looked for, e.g. `messages[].role`; made once per format. */
export interface JsonPaths {
  readonly wanted: ReadonlySet<string>;
  readonly prefixes: ReadonlySet<string>;
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
const QUOTE = 34;
const BACKSLASH = 92;

export function jsonPaths(paths: readonly string[]): JsonPaths {
  const prefixes = new Set([""]);
  for (const path of paths) {
    for (const { index } of path.matchAll(/\.|\[\]/g)) {
      prefixes.add(path.slice(0, index));
      if (path.startsWith("[]", index)) prefixes.add(path.slice(0, index + 2));
    }
  }
  return { wanted: new Set(paths), prefixes };
}

interface Frame {
  readonly isArray: boolean;
  readonly path: string;
  key: string;
  isKeyNext: boolean;
}

interface Text {
  readonly isKey: boolean;
  /** `undefined` = nobody wants it. */
  readonly path: string | undefined;
  pieces: Buffer[];
  length: number;
  /** An odd number of backslashes at the end of the last piece. */
  isEscaped: boolean;
}

export function createJsonScanner({ wanted, prefixes }: JsonPaths, handlers: JsonHandlers): JsonScanner {
  const frames: Frame[] = [];
  /** Open containers below the last frame that hold nothing wanted. */
  let skipped = 0;
  let text: Text | undefined;
  let literal = "";

  const top = (): Frame | undefined => frames.at(-1);

  function valuePath(): string {
    const frame = top();
    if (frame === undefined) return "";
    if (frame.isArray) return `${frame.path}[]`;
    return frame.path === "" ? frame.key : `${frame.path}.${frame.key}`;
  }

  function endLiteral(): void {
    if (literal === "") return;
    if (skipped === 0 && literal.length <= 64) {
      const path = valuePath();
      if (wanted.has(path)) {
        const value = parsed(literal);
        if (value !== undefined) handlers.onValue(path, value);
      }
    }
    literal = "";
  }

  function open(isArray: boolean): void {
    if (skipped > 0) {
      skipped += 1;
      return;
    }
    const path = valuePath();
    if (prefixes.has(path) || wanted.has(path)) frames.push({ isArray, path, key: "", isKeyNext: !isArray });
    else skipped = 1;
  }

  function close(): void {
    endLiteral();
    if (skipped > 0) {
      skipped -= 1;
      return;
    }
    const frame = frames.pop();
    if (frame !== undefined && (wanted.has(frame.path) || frame.path === "")) handlers.onClose(frame.path);
  }

  function beginText(): void {
    const frame = top();
    const isKey = skipped === 0 && frame !== undefined && frame.isKeyNext;
    const path = isKey || skipped > 0 ? undefined : valuePath();
    const isWanted = path !== undefined && wanted.has(path);
    text = { isKey, path: isWanted ? path : undefined, pieces: [], length: 0, isEscaped: false };
  }

  function collect(into: Text, bytes: Buffer): void {
    if (!into.isKey && into.path === undefined) return;
    into.length += bytes.length;
    if (into.length <= (into.isKey ? MAX_KEY_BYTES : MAX_STRING_BYTES)) into.pieces.push(Buffer.from(bytes));
    else into.pieces = [];
  }

  /** `raw` is what stands between the quotes, or `undefined` where it is too long or nobody wants it. */
  function endText({ isKey, path }: Text, raw: string | undefined): void {
    text = undefined;
    const value = raw === undefined ? undefined : unescaped(raw);
    const frame = top();
    if (isKey && frame !== undefined) {
      frame.key = value ?? "\0";
      frame.isKeyNext = false;
    } else if (path !== undefined && value !== undefined) handlers.onValue(path, value);
  }

  function rawText({ isKey, path, pieces, length }: Text, last: Buffer): string | undefined {
    if (!isKey && path === undefined) return undefined;
    if (length + last.length > (isKey ? MAX_KEY_BYTES : MAX_STRING_BYTES)) return undefined;
    return pieces.length === 0 ? last.toString() : Buffer.concat([...pieces, last]).toString();
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
      endText(current, rawText(current, chunk.subarray(start, end)));
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
        if (literal.length <= 64) literal += String.fromCodePoint(byte);
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
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      for (let at = 0; at < bytes.length;) {
        if (text !== undefined) {
          at = readText(text, bytes, at);
          continue;
        }
        const byte = bytes[at++] ?? 0;
        if (byte === QUOTE) beginText();
        else take(byte);
      }
    },
  };
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
