import { UsageError } from "@clauderon/core/contract";

import { fixesFor } from "../strict-arguments.ts";

/** Only the fields that `--json=…` named; all without names. */
export function pickFields(row: object, fields: readonly string[] | undefined): object {
  if (fields === undefined) return row;
  const known = new Map<string, unknown>(Object.entries(row));
  return Object.fromEntries(fields.map((field) => [field, known.get(field) ?? null]));
}

/** Refuses fields that the command's objects do not have. */
export function checkFields(
  commandName: string,
  fields: readonly string[] | undefined,
  known: readonly string[] | undefined,
): void {
  for (const field of fields ?? []) {
    if (known === undefined) {
      throw new UsageError({
        message: `clauderon ${commandName} has no fields to choose from`,
        fix: ["write --json alone"],
      });
    }
    if (known.includes(field)) continue;
    throw new UsageError({
      message: `clauderon ${commandName} has no field "${field}"`,
      fix: fixesFor(field, known, `choose from: ${known.join(", ")}`),
    });
  }
}
