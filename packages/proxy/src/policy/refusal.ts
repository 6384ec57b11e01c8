import type { Refusal } from "./proxy-types.ts";

/** What {@link refuse} is given besides status and code. */
export interface RefusalText {
  readonly message: string;
  readonly fix: string;
}

/** Builds a refusal; `message` and `fix` are shown to the client and must hold no secret. */
export function refuse(status: number, code: string, text: RefusalText): Refusal {
  return { status, code, message: text.message, fix: text.fix };
}

/** Tells a refusal from the value that a parser gives otherwise. */
export function isRefusal(value: object | string): value is Refusal {
  return typeof value === "object" && "status" in value && "code" in value && "fix" in value;
}

const longestQuote = 120;

/** A piece of the client's input, safe to print: visible ASCII, shortened. */
export function quoted(text: string): string {
  const visible = text.slice(0, longestQuote).replaceAll(/[^\u0021-\u007e]/g, "?");
  return `"${visible}${text.length > longestQuote ? "…" : ""}"`;
}
