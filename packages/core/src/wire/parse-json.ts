import type { z } from "zod";

import { RequestError } from "../contract/errors/request-error.ts";

/** Text to a validated value. Rejects what is no JSON and what the schema does not know with `request.refused`, naming the first place that is wrong. */
export function parseJson<T>(text: string, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new RequestError({
      message: "The text is not JSON",
      why: error instanceof Error ? error.message : String(error),
      fix: ["send one JSON value, UTF-8"],
      cause: error,
    });
  }
  return parseValue(value, schema);
}

/** Like `parseJson`, for a value that is parsed already. */
export function parseValue<T>(value: unknown, schema: z.ZodType<T>): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [first] = result.error.issues;
  throw new RequestError({
    message: "The message has an unexpected shape",
    why: first === undefined ? "unknown" : describeIssue(first),
    fix: ["compare it with /openapi.json", "use the client and the daemon of one version"],
  });
}

/** One line for one fault: where, and what was expected there. */
export function describeIssue(issue: { readonly path: readonly PropertyKey[]; readonly message: string }): string {
  const place = issue.path.map(String).join(".");
  return place === "" ? issue.message : `${place}: ${issue.message}`;
}
