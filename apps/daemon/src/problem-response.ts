import { ClauderonError, RequestError, UsageError } from "@clauderon/core/contract";
import { PROBLEM_TYPE, toProblem } from "@clauderon/core/wire";
import { HTTPException } from "hono/http-exception";

/** Whatever was thrown, as an answer. */
export function problemResponse(error: unknown, status?: number): Response {
  const problem = toProblem(translated(error), status ?? (error instanceof HTTPException ? error.status : undefined));
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { "content-type": PROBLEM_TYPE },
  });
}

/** The router's own refusals in our words. */
function translated(error: unknown): unknown {
  if (ClauderonError.isInstance(error) || !(error instanceof HTTPException)) return error;
  return new UsageError({
    message: "The request cannot be read",
    why: error.message,
    fix: ["send the body as /openapi.json describes it: application/json, a file as multipart/form-data"],
  });
}

export function noRoute(method: string, path: string): RequestError {
  return new RequestError({
    message: `There is nothing at ${method} ${path}`,
    fix: ["see /openapi.json for what there is"],
  });
}
