import { ClauderonError, InternalError } from "@clauderon/core/contract";

import { printable } from "./printable.ts";
import type { Style } from "./style.ts";

/** Any thrown value as the error it is shown as. */
export function toClauderonError(error: unknown): ClauderonError {
  return ClauderonError.isInstance(error) ? error : new InternalError(error);
}

/** What happened, why, and what to do: the form of every error on a terminal. */
export function formatProblem(error: ClauderonError, style: Style, isDebug: boolean): string {
  const lines = [`${style.red("error:")} ${clean(error.message)}`];
  if (error.why !== undefined) lines.push(`  why: ${clean(error.why)}`);
  for (const [index, fix] of error.fix.entries()) lines.push(`${index === 0 ? "  fix: " : "       "}${clean(fix)}`);
  lines.push(style.dim(`  code: ${error.code}`));
  if (isDebug) lines.push(...stackOf(error));
  return lines.join("\n");
}

/** The object that `--json` prints on standard error. */
export function problemJson(error: ClauderonError): object {
  return { error: error.toJSON() };
}

function clean(text: string): string {
  return text.split("\n").map(printable).join("\n       ");
}

function stackOf(error: unknown): readonly string[] {
  const lines: string[] = [];
  for (let current = error; current instanceof Error; current = current.cause) {
    lines.push(...(current.stack ?? current.message).split("\n").map((line) => `  ${printable(line)}`));
  }
  return lines;
}
