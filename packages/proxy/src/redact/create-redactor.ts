import { createByteAutomaton, type ByteAutomaton } from "./byte-automaton.ts";
import { secretForms, type RedactedSecret } from "./secret-forms.ts";

/** Finds secrets in what goes to a client. Made once per set of secrets, used by any number of streams. */
export interface Redactor {
  /** For header values, trailers, reasons: characters up to U+00FF as HTTP carries them. */
  redactText(text: string): string;
  start(): RedactionStream;
}

/**
 * The bytes of one body, in order. As many bytes come out as went in, so lengths stay true. Held back is only what could be the beginning of a
 * secret, at most its longest form less one byte.
 */
export interface RedactionStream {
  /** How many secrets were replaced so far. */
  readonly count: number;
  write(chunk: Uint8Array): readonly Uint8Array[];
  /** What was held back, when the body ended as it should. After an error it must not be sent. */
  end(): readonly Uint8Array[];
}

/** A body that ends within a secret gives away its beginning; fewer bytes say nothing. */
const MAX_BEGINNING = 12;
const NOTHING: Buffer = Buffer.alloc(0);

export function createRedactor(secrets: readonly RedactedSecret[]): Redactor {
  const automaton = createByteAutomaton(secrets.flatMap((secret) => secretForms(secret)));
  return {
    redactText(text) {
      if (!mayHold(automaton, text)) return text;
      const stream = new AutomatonStream(automaton);
      const parts = [...stream.write(Buffer.from(text, "latin1")), ...stream.end()];
      return stream.count === 0 ? text : Buffer.concat(parts).toString("latin1");
    },
    start: () => new AutomatonStream(automaton),
  };
}

/** Whether there is anything to look at more closely: a form, or one that the end cuts off. Most headers hold neither, and are not copied. */
function mayHold(automaton: ByteAutomaton, text: string): boolean {
  let state = 0;
  for (let at = 0; at < text.length; at += 1) {
    // As Latin-1 has it.
    state = automaton.step(state, text.charCodeAt(at) & 0xff);
    if (automaton.isEnd(state)) return true;
  }
  return automaton.depth(state) > 0;
}

/** A stream of one automaton; a class, because one is made for each answer. */
class AutomatonStream implements RedactionStream {
  count = 0;
  readonly #automaton: ByteAutomaton;
  #held: Buffer = NOTHING;
  #state = 0;

  constructor(automaton: ByteAutomaton) {
    this.#automaton = automaton;
  }

  write(chunk: Uint8Array): readonly Uint8Array[] {
    const automaton = this.#automaton;
    let bytes = chunk;
    let copy: Buffer | undefined;
    let state = this.#state;
    for (let at = 0; at < bytes.length;) {
      if (state === 0) {
        at = automaton.skip(bytes, at);
        if (at === bytes.length) break;
      }
      state = automaton.step(state, bytes[at++] ?? 0);
      if (!automaton.isEnd(state)) continue;
      copy ??= Buffer.from(bytes);
      bytes = copy;
      this.#replace(copy, at, automaton.replacement(state) ?? NOTHING);
      this.count += 1;
      state = automaton.resume(state);
    }
    this.#state = state;
    const open = automaton.depth(state);
    if (open === 0 && this.#held.length === 0) return [bytes];
    const all = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    this.#held = Buffer.from(all.subarray(all.length - open));
    return open === all.length ? [] : [all.subarray(0, all.length - open)];
  }

  end(): readonly Uint8Array[] {
    const held = this.#held;
    if (held.length === 0) return [];
    const last = held.length >= MAX_BEGINNING ? Buffer.alloc(held.length, "*") : held;
    if (last !== held) this.count += 1;
    this.#held = NOTHING;
    this.#state = 0;
    return [last];
  }

  /** Writes over the bytes that end before `end` of the chunk, and begin perhaps in what is held. */
  #replace(bytes: Buffer, end: number, by: Buffer): void {
    const start = end - by.length;
    if (start >= 0) {
      by.copy(bytes, start);
      return;
    }
    const held = this.#held;
    by.copy(held, held.length + start, 0, -start);
    by.copy(bytes, 0, -start);
  }
}
