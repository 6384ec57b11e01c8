import type { Writable } from "node:stream";

import { printableJson, printableLines } from "./printable.ts";
import { createStyle, type Style } from "./style.ts";

export interface OutputStream {
  readonly stream: Writable;
  readonly isTerminal: boolean;
  /** Characters per line; only asked on a terminal. */
  columns(): number;
}

/**
 * The two streams of a command: data on the one, everything said to a person on the other. What is said, lines and JSON hold no control character:
 * names and messages in them are others'. `write` and `tell` take text that is made printable already, with our own styles in it.
 */
export interface Output {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly style: { readonly stdout: Style; readonly stderr: Style };
  /** Data; resolves when the reader has taken it. */
  write(data: string | Uint8Array): Promise<void>;
  line(text: string): Promise<void>;
  /** One JSON value and a line feed. */
  json(value: unknown): Promise<void>;
  /** Said always: progress and what was decided. Silent with `--quiet`. */
  say(text: string): void;
  /** A thing the user should know. Silent with `--quiet`. */
  note(text: string): void;
  /** A next step; only on a terminal. */
  hint(text: string): void;
  /** To standard error whatever the flags: questions' context, errors. */
  tell(text: string): void;
  /** Raw bytes of somebody else's standard error. */
  writeError(data: Uint8Array): Promise<void>;
}

export interface OutputSettings {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly isQuiet: boolean;
  readonly isColorless: boolean;
  readonly environment: Readonly<Record<string, string>>;
}

export function createOutput(settings: OutputSettings): Output {
  const { stdout, stderr, isQuiet, isColorless, environment } = settings;
  const style = {
    stdout: createStyle({ isTerminal: stdout.isTerminal, isColorless, environment }),
    stderr: createStyle({ isTerminal: stderr.isTerminal, isColorless, environment }),
  };
  const tell = (text: string): void => {
    stderr.stream.write(`${text}\n`);
  };
  return {
    stdout,
    stderr,
    style,
    tell,
    write: (data) => writeAll(stdout.stream, data),
    line: (text) => writeAll(stdout.stream, `${printableLines(text)}\n`),
    json: (value) => writeAll(stdout.stream, `${printableJson(value)}\n`),
    writeError: (data) => writeAll(stderr.stream, data),
    say: (text) => {
      if (!isQuiet) tell(printableLines(text));
    },
    note: (text) => {
      if (!isQuiet) tell(`${style.stderr.yellow("note:")} ${printableLines(text)}`);
    },
    hint: (text) => {
      if (!isQuiet && stderr.isTerminal) tell(style.stderr.dim(printableLines(text)));
    },
  };
}

function writeAll(stream: Writable, data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(data, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
