import { z } from "zod";

import { ClauderonError, type ClauderonErrorJson } from "../contract/errors/clauderon-error.ts";
import type { ErrorCode } from "../contract/errors/error-code.ts";
import { errorTable } from "../contract/errors/error-table.ts";
import { errorFromJson } from "../contract/errors/from-json.ts";
import { InternalError } from "../contract/errors/internal-error.ts";
import { exactly } from "./exactly.ts";

const codes = Object.keys(errorTable) as [ErrorCode, ...ErrorCode[]];

const context = z.record(z.string(), z.unknown()).readonly().optional();

const errorShape = z.object({
  code: z.enum(codes),
  message: z.string(),
  why: z.string().optional(),
  fix: z.array(z.string()).readonly(),
  retryable: z.boolean(),
  context,
});

/** An error in the store, in events and in `--json` output. */
export const errorSchema: z.ZodType<ClauderonErrorJson> = exactly<ClauderonErrorJson>()(errorShape);

/** The body of every answer that is not a success (RFC 9457, `application/problem+json`). */
export interface Problem {
  /** `urn:clauderon:error:CODE`. */
  readonly type: string;
  /** What happened, without particulars. */
  readonly title: string;
  readonly status: number;
  /** What happened: the error's message. */
  readonly detail: string;
  readonly code: ErrorCode;
  readonly why?: string | undefined;
  readonly fix: readonly string[];
  readonly retryable: boolean;
  readonly context?: Readonly<Record<string, unknown>> | undefined;
}

const problemShape = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(codes),
  why: z.string().optional(),
  fix: z.array(z.string()).readonly(),
  retryable: z.boolean(),
  context,
});

export const problemSchema: z.ZodType<Problem> = exactly<Problem>()(problemShape);

/** Media type of a problem body. */
export const PROBLEM_TYPE = "application/problem+json" as const;

/** Whatever was thrown, as a problem. `status` overrides the code's own. */
export function toProblem(error: unknown, status?: number): Problem {
  const known = ClauderonError.isInstance(error) ? error : new InternalError(error);
  const json = known.toJSON();
  return {
    type: `urn:clauderon:error:${json.code}`,
    title: json.code.replaceAll(/[.-]/g, " "),
    status: status ?? errorTable[json.code].httpStatus,
    detail: json.message,
    code: json.code,
    ...(json.why === undefined ? {} : { why: json.why }),
    fix: json.fix,
    retryable: json.retryable,
    ...(json.context === undefined ? {} : { context: json.context }),
  };
}

/** The error a problem was made from. */
export function errorFromProblem(problem: Problem): ClauderonError {
  return errorFromJson({
    code: problem.code,
    message: problem.detail,
    why: problem.why,
    fix: problem.fix,
    retryable: problem.retryable,
    context: problem.context,
  });
}
