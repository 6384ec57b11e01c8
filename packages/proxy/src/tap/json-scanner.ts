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
  /** False = the text at this wanted path, which begins now, need not be read after all. */
  wantsText?(path: string): boolean;
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

export function createJsonScanner(paths: JsonPaths, handlers: JsonHandlers): JsonScanner {
  return new Scanner(paths, handlers);
}

/** A class, because one is made for each request and each answer. */
class Scanner implements JsonScanner {
  readonly #root: JsonPlace;
  readonly #handlers: JsonHandlers;
  readonly #frames: Frame[] = [];
  /** Open containers below the last frame that hold nothing wanted. */
  #skipped = 0;
  #literal = "";
  #isInText = false;
  #isKey = false;
  /** Of the text that is being read; `undefined` = nobody wants it. */
  #textPlace: JsonPlace | undefined;
  /** What came of it in earlier chunks. */
  #pieces: Buffer[] = [];
  #length = 0;
  /** An odd number of backslashes at the end of the last piece. */
  #isEscaped = false;

  constructor({ root }: JsonPaths, handlers: JsonHandlers) {
    this.#root = root;
    this.#handlers = handlers;
  }

  reset(): void {
    this.#frames.length = 0;
    this.#skipped = 0;
    this.#isInText = false;
    this.#literal = "";
  }

  write(chunk: Uint8Array): void {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let at = 0; at < bytes.length;) {
      if (this.#isInText) {
        at = this.#readText(bytes, at);
        continue;
      }
      const byte = bytes[at++] ?? 0;
      if (byte === QUOTE) this.#beginText();
      else this.#take(byte);
    }
  }

  #take(byte: number): void {
    switch (byte) {
      case 123:
      case 91:
        this.#literal = "";
        this.#open(byte === 91);
        break;
      case 125:
      case 93:
        this.#close();
        break;
      case 44: {
        this.#endLiteral();
        const frame = this.#frames.at(-1);
        if (this.#skipped === 0 && frame !== undefined) frame.isKeyNext = !frame.isArray;
        break;
      }
      case 32:
      case 10:
      case 13:
      case 9:
      case 58:
        this.#endLiteral();
        break;
      default:
        if (this.#skipped === 0 && this.#literal.length <= MAX_LITERAL) this.#literal += String.fromCharCode(byte);
    }
  }

  /** Where the value that comes next stands, if anybody looks for it. */
  #valuePlace(): JsonPlace | undefined {
    const frame = this.#frames.at(-1);
    return frame === undefined ? this.#root : frame.next;
  }

  #endLiteral(): void {
    const literal = this.#literal;
    if (literal === "") return;
    this.#literal = "";
    if (this.#skipped > 0 || literal.length > MAX_LITERAL) return;
    const wanted = this.#valuePlace();
    if (wanted?.isWanted !== true) return;
    const value = parsed(literal);
    if (value !== undefined) this.#handlers.onValue(wanted.path, value);
  }

  #open(isArray: boolean): void {
    const wanted = this.#skipped > 0 ? undefined : this.#valuePlace();
    if (wanted === undefined) this.#skipped += 1;
    else this.#frames.push({ isArray, place: wanted, next: isArray ? wanted.items : undefined, isKeyNext: !isArray });
  }

  #close(): void {
    this.#endLiteral();
    if (this.#skipped > 0) {
      this.#skipped -= 1;
      return;
    }
    const closed = this.#frames.pop()?.place;
    if (closed !== undefined && (closed.isWanted || closed === this.#root)) this.#handlers.onClose(closed.path);
  }

  #beginText(): void {
    this.#isInText = true;
    this.#isKey = this.#skipped === 0 && this.#frames.at(-1)?.isKeyNext === true;
    const found = this.#isKey || this.#skipped > 0 ? undefined : this.#valuePlace();
    this.#textPlace = found?.isWanted === true && this.#handlers.wantsText?.(found.path) !== false ? found : undefined;
    if (this.#pieces.length > 0) this.#pieces = [];
    this.#length = 0;
    this.#isEscaped = false;
  }

  /** Reads on in a text; returns where the next byte after it is. */
  #readText(chunk: Buffer, from: number): number {
    for (let next = from; ;) {
      const quote = chunk.indexOf(QUOTE, next);
      const end = quote === -1 ? chunk.length : quote;
      let before = end;
      while (before > next && chunk[before - 1] === BACKSLASH) before -= 1;
      const isOdd = ((end - before) & 1) === 1;
      const isEscaped = before === from && this.#isEscaped ? !isOdd : isOdd;
      if (quote === -1) {
        this.#isEscaped = isEscaped;
        this.#keep(chunk.subarray(from));
        return end;
      }
      if (!isEscaped) {
        this.#isInText = false;
        if (this.#isKey || this.#textPlace !== undefined) this.#endText(chunk, from, end);
        return end + 1;
      }
      next = end + 1;
    }
  }

  #keep(bytes: Buffer): void {
    if (!this.#isKey && this.#textPlace === undefined) return;
    this.#length += bytes.length;
    if (this.#length <= this.#limit) this.#pieces.push(Buffer.from(bytes));
    else this.#pieces = [];
  }

  #endText(chunk: Buffer, from: number, end: number): void {
    const isTooLong = this.#length + end - from > this.#limit;
    const value = isTooLong ? undefined : unescaped(this.#rawText(chunk, from, end));
    const frame = this.#frames.at(-1);
    if (this.#isKey && frame !== undefined) {
      frame.next = value === undefined ? undefined : frame.place.members.get(value);
      frame.isKeyNext = false;
    } else if (this.#textPlace !== undefined && value !== undefined)
      this.#handlers.onValue(this.#textPlace.path, value);
  }

  /** What stands between the quotes. */
  #rawText(chunk: Buffer, from: number, end: number): string {
    if (this.#pieces.length === 0) return chunk.toString("utf8", from, end);
    return Buffer.concat([...this.#pieces, chunk.subarray(from, end)]).toString();
  }

  get #limit(): number {
    return this.#isKey ? MAX_KEY_BYTES : MAX_STRING_BYTES;
  }
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
