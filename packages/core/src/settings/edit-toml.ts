import { tomlStatements } from "./toml-statements.ts";

/** The text with one key set: in its place when it is there, else at the end of its table, else in a new table at the end. `value` is TOML. */
export function editToml(text: string, path: readonly string[], value: string): string {
  const statements = tomlStatements(text);
  const existing = statements.find((entry) => entry.kind === "value" && same(entry.path, path));
  if (existing !== undefined) {
    return text.slice(0, existing.valueStart) + value + text.slice(existing.valueEnd);
  }
  const newLine = newLineOf(text);
  const table = path.slice(0, -1);
  const header = statements.findLastIndex((entry) => entry.kind === "table" && same(entry.path, table));
  if (header !== -1) {
    const next = statements.findIndex((entry, index) => index > header && entry.kind === "table");
    const last = statements.slice(header, next === -1 ? undefined : next).at(-1);
    return insertAfter(text, last?.valueEnd ?? text.length, `${key(path.slice(-1))} = ${value}`);
  }
  const dotted = statements.findLast(
    (entry) =>
      entry.kind === "value" && entry.path.length > table.length && same(entry.path.slice(0, table.length), table),
  );
  const isAtRoot =
    dotted !== undefined && !statements.some((entry) => entry.kind === "table" && entry.start < dotted.start);
  if (isAtRoot) return insertAfter(text, dotted.valueEnd, `${key(path)} = ${value}`);
  const gap = text === "" || text.endsWith(newLine + newLine) ? "" : text.endsWith("\n") ? newLine : newLine + newLine;
  return `${text}${gap}[${key(table)}]${newLine}${key(path.slice(-1))} = ${value}${newLine}`;
}

/** As a line of its own, after the line (and its comment) that ends at or after the offset. */
function insertAfter(text: string, offset: number, line: string): string {
  const newLine = newLineOf(text);
  const end = text.indexOf("\n", offset);
  if (end === -1) return `${text}${newLine}${line}${newLine}`;
  return `${text.slice(0, end + 1)}${line}${newLine}${text.slice(end + 1)}`;
}

function newLineOf(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}

function same(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((part, index) => part === right[index]);
}

function key(path: readonly string[]): string {
  return path.map((part) => (/^[A-Za-z0-9_-]+$/.test(part) ? part : JSON.stringify(part))).join(".");
}
