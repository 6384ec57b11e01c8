import { PROBLEM_TYPE, problemSchema, type Problem } from "@clauderon/core/wire";
import { z } from "@hono/zod-openapi";

interface ProblemAnswer {
  readonly description: string;
  readonly content: { readonly "application/problem+json": { readonly schema: z.ZodType<Problem> } };
}

/** A problem body, for every status that is no success. */
const problem: ProblemAnswer = {
  description: "A problem (RFC 9457) with code, why and fix",
  content: { [PROBLEM_TYPE]: { schema: problemSchema } },
};

/** The answers of a route: one success, else a problem. */
export function answers<Schema extends z.ZodType>(
  description: string,
  schema: Schema,
): {
  readonly 200: {
    readonly description: string;
    readonly content: { readonly "application/json": { readonly schema: Schema } };
  };
  readonly default: ProblemAnswer;
} {
  return { 200: { description, content: { "application/json": { schema } } }, default: problem };
}

/** Like `answers`, for plain text. */
export function textAnswers(description: string): {
  readonly 200: {
    readonly description: string;
    readonly content: { readonly "text/plain": { readonly schema: z.ZodString } };
  };
  readonly default: ProblemAnswer;
} {
  return { 200: { description, content: { "text/plain": { schema: z.string() } } }, default: problem };
}

/** A JSON body. */
export function jsonBody<Schema extends z.ZodType>(
  schema: Schema,
  isRequired = true,
): {
  readonly body: {
    readonly required: boolean;
    readonly content: { readonly "application/json": { readonly schema: Schema } };
  };
} {
  return { body: { required: isRequired, content: { "application/json": { schema } } } };
}

/** `{reference}`: id or name of a session. */
export const referenceParameter: z.ZodObject<{ reference: z.ZodString }> = z.object({
  reference: z.string().min(1).max(256),
});

/** `true` or `false` in a query; absent = `undefined`. */
export const flag: z.ZodType<boolean | undefined> = z
  .enum(["true", "false"])
  .optional()
  .transform((text) => (text === undefined ? undefined : text === "true"));

/** A whole number in a query. */
export const natural: z.ZodType<number | undefined> = z
  .string()
  .regex(/^\d{1,15}$/, "expected a whole number")
  .optional()
  .transform((text) => (text === undefined ? undefined : Number(text)));
