import { UsageError, type TerminalSize } from "@clauderon/core/contract";
import { terminalSizeSchema } from "@clauderon/core/wire";

/** A number of the query; `undefined` when it is not given. */
export function naturalNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = Number(text);
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(value)) return value;
  throw wrong(name, "a whole number");
}

/** `columns` and `rows` of the query, both or neither. */
export function sizeFrom(query: URLSearchParams): TerminalSize | undefined {
  const columns = naturalNumber(query, "columns");
  const rows = naturalNumber(query, "rows");
  if (columns === undefined && rows === undefined) return undefined;
  const size = terminalSizeSchema.safeParse({ columns, rows });
  if (size.success) return size.data;
  throw wrong("columns and rows", "numbers from 1 to 1000");
}

function wrong(name: string, expected: string): UsageError {
  return new UsageError({ message: `${name} must be ${expected}`, fix: ["see /openapi.json"] });
}
