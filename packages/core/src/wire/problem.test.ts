import { expect, test } from "vitest";

import { CapabilityUnsupportedError } from "../contract/errors/capability-unsupported-error.ts";
import { ClauderonError } from "../contract/errors/clauderon-error.ts";
import type { ErrorCode } from "../contract/errors/error-code.ts";
import { errorTable } from "../contract/errors/error-table.ts";
import { parseJson } from "./parse-json.ts";
import { errorFromProblem, problemSchema, toProblem } from "./problem.ts";

test.each(Object.keys(errorTable) as ErrorCode[])("%s survives the way over HTTP", (code) => {
  const error = new ClauderonError({
    code,
    message: "what",
    why: "why",
    fix: ["first", "second"],
    context: { name: "fix", count: 3 },
  });
  const problem = parseJson(JSON.stringify(toProblem(error)), problemSchema);
  expect(problem.status).toBe(errorTable[code].httpStatus);
  expect(errorFromProblem(problem).toJSON()).toEqual(error.toJSON());
});

test("a subclass keeps its code and context", () => {
  const error = new CapabilityUnsupportedError("local", "hibernate");
  const back = errorFromProblem(parseJson(JSON.stringify(toProblem(error)), problemSchema));
  expect(back.toJSON()).toEqual(error.toJSON());
});

test("what is no error of ours becomes `internal`", () => {
  expect(toProblem(new TypeError("x is not a function"))).toMatchObject({
    code: "internal",
    status: 500,
    why: "x is not a function",
  });
  expect(toProblem("text").why).toBe("text");
});
