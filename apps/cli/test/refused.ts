import { expect } from "vitest";

import type { RunResult } from "./run-in-process.ts";
import type { Ran } from "./run-program.ts";

/** The form of every refusal: what and how to mend it on standard error, nothing else anywhere. */
export function refused(result: Ran | RunResult, code: number, text: string): void {
  expect(result.stderr).toContain(text);
  expect(result.stderr).toMatch(/^ {2}fix: \S/m);
  expect(result.stderr).not.toMatch(/^ {4}at /m);
  expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout: "" });
}
