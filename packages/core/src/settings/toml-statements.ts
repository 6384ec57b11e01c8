/** A line of a TOML text that says something: a `[table]` or a `key = value`. Positions are offsets into the text. */
export interface TomlStatement {
  readonly kind: "table" | "value";
  /** From the root: table and key together. */
  readonly path: readonly string[];
  /** Counted from 1. */
  readonly line: number;
  readonly start: number;
  /** Of the value, or of the header's closing bracket. */
  readonly valueStart: number;
  readonly valueEnd: number;
}

/** Where each table and each key of a TOML text stands. The text is valid: it was parsed before. Keys inside inline tables are not told apart. */
export function tomlStatements(text: string): readonly TomlStatement[] {
  const statements: TomlStatement[] = [];
  let table: readonly string[] = [];
  let offset = 0;
  while (offset < text.length) {
    const start = skip(text, offset, /[\s\uFEFF]*/y);
    if (start >= text.length) break;
    if (text[start] === "#") {
      offset = lineEnd(text, start);
      continue;
    }
    const line = text.slice(0, start).split("\n").length;
    if (text[start] === "[") {
      const key = readKey(text, skip(text, start, /\[\[?[ \t]*/y));
      table = key.path;
      const valueEnd = skip(text, key.end, /[ \t]*\]\]?/y);
      statements.push({ kind: "table", path: table, line, start, valueStart: key.end, valueEnd });
      offset = lineEnd(text, valueEnd);
      continue;
    }
    const key = readKey(text, start);
    const valueStart = skip(text, key.end, /[ \t]*=[ \t]*/y);
    const valueEnd = skipValue(text, valueStart);
    statements.push({ kind: "value", path: [...table, ...key.path], line, start, valueStart, valueEnd });
    offset = lineEnd(text, valueEnd);
  }
  return statements;
}

function skip(text: string, offset: number, pattern: RegExp): number {
  pattern.lastIndex = offset;
  return offset + (pattern.exec(text)?.[0].length ?? 0);
}

function lineEnd(text: string, offset: number): number {
  const end = text.indexOf("\n", offset);
  return end === -1 ? text.length : end;
}

/** A dotted key: bare words, "basic" and 'literal' strings. */
function readKey(text: string, offset: number): { readonly path: readonly string[]; readonly end: number } {
  const part = /[ \t]*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))/y;
  const path: string[] = [];
  let end = offset;
  for (;;) {
    part.lastIndex = end;
    const match = part.exec(text);
    if (match === null) return { path, end };
    path.push(match[1] ?? match[2] ?? match[3] ?? "");
    end += match[0].length;
    const next = skip(text, end, /[ \t]*\./y);
    if (next === end) return { path, end };
    end = next;
  }
}

const strings = /"""(?:[^\\]|\\[^])*?"{3,5}(?!")|'''[^]*?'{3,5}(?!')|"(?:[^"\\]|\\.)*"|'[^']*'/y;

/** Past a value: its strings, and its brackets with the comments and new lines in them. */
function skipValue(text: string, offset: number): number {
  let depth = 0;
  let end = offset;
  let at = offset;
  while (at < text.length) {
    const character = text[at] ?? "";
    if (depth === 0 && (character === "#" || character === "\n" || character === "\r")) break;
    if (character === '"' || character === "'") {
      at = Math.max(skip(text, at, strings), at + 1);
    } else if (character === "#") {
      at = lineEnd(text, at);
    } else {
      if (character === "[" || character === "{") depth += 1;
      if (character === "]" || character === "}") depth -= 1;
      at += 1;
    }
    if (!/\s/.test(character)) end = at;
  }
  return end;
}
