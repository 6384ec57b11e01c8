const escape = 0x1b;
const bell = 0x07;
/** Longest character in UTF-8. */
const characterBytes = 4;
/** Longer sequences than this carry no mode. */
const sequenceBytes = 64;

/** Any but those that surely set no mode, most of them of colour; an expression is fast also in a program that is never optimised. */
// oxlint-disable-next-line no-control-regex -- it is about control characters
const sequenceOfInterest = /\u001b(?!\[[\d:;]{0,60}[@-~])/g;

type State = "ground" | "escape" | "csi" | "string" | "string-escape";

/**
 * Reads a terminal's output that is no longer kept, and remembers what later output relies on: DEC private modes, the keypad, the kitty keyboard
 * flags, xterm's key modifiers, and an escape sequence or character that was cut in two.
 */
export class ModeScanner {
  readonly #modes = new Map<string, boolean>();
  #keyboard: string[] = [];
  #isKeypadApplication = false;
  #modifyOtherKeys = "";
  #state: State = "ground";
  #pending: number[] = [];
  #stringIntroducer = 0;
  /** Bytes still missing of a character in UTF-8. */
  #missing = 0;

  scan(bytes: Uint8Array): void {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
    for (let index = 0; index < bytes.length; index += 1) {
      if (this.#state === "ground") index = this.#skip(text, index);
      this.#take(bytes[index] ?? 0);
    }
  }

  /** Bytes that bring a fresh terminal to where the scanned output left it, as far as modes go. */
  prelude(): Uint8Array {
    let text = "";
    for (const [mode, isSet] of this.#modes) text += `\u001b[?${mode}${isSet ? "h" : "l"}`;
    if (this.#isKeypadApplication) text += "\u001b=";
    text += this.#modifyOtherKeys;
    for (const flags of this.#keyboard) text += `\u001b[>${flags}u`;
    return Buffer.concat([Buffer.from(text, "latin1"), Buffer.from(this.#pending)]);
  }

  /** What comes before the next sequence of interest does not matter; where none follows, the last character may have been cut in two. */
  #skip(text: string, from: number): number {
    sequenceOfInterest.lastIndex = from;
    const isFound = sequenceOfInterest.test(text);
    if (!isFound && text.length - from <= characterBytes) return from;
    this.#missing = 0;
    if (this.#pending.length > 0) this.#pending = [];
    return isFound ? sequenceOfInterest.lastIndex - 1 : text.length - characterBytes;
  }

  #take(byte: number): void {
    switch (this.#state) {
      case "ground":
        this.#ground(byte);
        return;
      case "escape":
        this.#escape(byte);
        return;
      case "csi":
        this.#csi(byte);
        return;
      case "string":
      case "string-escape":
        this.#string(byte);
    }
  }

  #ground(byte: number): void {
    if (byte === escape) {
      this.#begin(byte);
    } else if (byte >= 0xc0) {
      this.#missing = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
      this.#pending = [byte];
    } else if (byte >= 0x80 && this.#missing > 0) {
      this.#missing -= 1;
      if (this.#missing > 0) this.#pending.push(byte);
      else this.#pending = [];
    } else {
      this.#missing = 0;
      this.#pending = [];
    }
  }

  #begin(byte: number): void {
    this.#state = "escape";
    this.#missing = 0;
    this.#pending = [byte];
  }

  #end(): void {
    this.#state = "ground";
    this.#pending = [];
  }

  #escape(byte: number): void {
    if (byte === escape) return this.#begin(byte);
    this.#pending.push(byte);
    const character = String.fromCharCode(byte);
    if (character === "[") this.#state = "csi";
    else if ("]PX^_".includes(character)) {
      this.#state = "string";
      this.#stringIntroducer = byte;
    } else if (byte >= 0x20 && byte < 0x30 && this.#pending.length < sequenceBytes) return;
    else {
      if (this.#pending.length === 2) this.#escapeEnd(character);
      this.#end();
    }
  }

  #escapeEnd(character: string): void {
    if (character === "c") this.#reset();
    else if (character === "=") this.#isKeypadApplication = true;
    else if (character === ">") this.#isKeypadApplication = false;
  }

  #reset(): void {
    this.#modes.clear();
    this.#keyboard = [];
    this.#isKeypadApplication = false;
    this.#modifyOtherKeys = "";
  }

  #csi(byte: number): void {
    if (byte === escape) return this.#begin(byte);
    if (byte === 0x18 || byte === 0x1a) return this.#end();
    if (byte < 0x20) return;
    this.#pending.push(byte);
    if (byte >= 0x40 && byte <= 0x7e) {
      this.#csiEnd(Buffer.from(this.#pending.slice(2)).toString("latin1"));
      this.#end();
    } else if (byte >= 0x80 || this.#pending.length >= sequenceBytes) {
      this.#end();
    }
  }

  #csiEnd(body: string): void {
    const final = body.slice(-1);
    const parameters = body.slice(1, -1);
    if (body.startsWith("?") && (final === "h" || final === "l")) {
      for (const mode of parameters.split(";")) {
        if (!/^\d+$/.test(mode)) continue;
        // The latest change comes last: some modes (1049, 47) act when they are set.
        this.#modes.delete(mode);
        if (this.#modes.size < 64) this.#modes.set(mode, final === "h");
      }
    } else if (final === "u") this.#kitty(body[0] ?? "", parameters);
    else if (body.startsWith(">") && final === "m")
      this.#modifyOtherKeys = parameters === "4" || parameters === "" ? "" : `\u001b[${body}`;
    else if (body === "!p") this.#reset();
  }

  #kitty(kind: string, parameters: string): void {
    if (kind === ">") this.#keyboard = [...this.#keyboard, parameters].slice(-16);
    else if (kind === "<") this.#keyboard = this.#keyboard.slice(0, -Math.max(1, Number(parameters) || 1));
    else if (kind === "=") {
      const [flags = "0", how = "1"] = parameters.split(";");
      const before = Number(this.#keyboard.at(-1) ?? 0) || 0;
      const asked = Number(flags) || 0;
      const after = how === "2" ? before | asked : how === "3" ? before & ~asked : asked;
      this.#keyboard = [...this.#keyboard.slice(0, -1), String(after)];
    }
  }

  #string(byte: number): void {
    if (this.#state === "string-escape") {
      if (byte === 0x5c) return this.#end();
      this.#begin(escape);
      return this.#take(byte);
    }
    if (byte === escape) {
      this.#state = "string-escape";
      this.#pending = [...this.#pending.slice(0, sequenceBytes), byte];
    } else if (byte === 0x18 || byte === 0x1a || (byte === bell && this.#stringIntroducer === 0x5d)) this.#end();
    else if (this.#pending.length < sequenceBytes) this.#pending.push(byte);
    // Too long to keep: what follows only has to be swallowed, so a string without a meaning does.
    else this.#pending = [escape, this.#stringIntroducer === 0x5d ? 0x5d : 0x58];
  }
}
