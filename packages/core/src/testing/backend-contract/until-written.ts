import assert from "node:assert/strict";

import type { Sandbox } from "../../contract/index.ts";
import { run } from "../contract-commands.ts";
import type { ContractContext } from "../contract-context.ts";

const DEADLINE_MS = 20_000;

const look = [
  'until [ -s "$1" ] && { [ -z "$2" ] || [ "$(tail -n 1 -- "$1")" = "$2" ]; }; do sleep 0.05; done',
  'cat -- "$1"',
].join("\n");

/**
 * Waits until something was written to the file (and, where a line is given, that is the last one); resolves with all of it. The waiting is
 * done by one command inside the sandbox, not by a command for every look.
 */
export async function untilWritten(
  context: Pick<ContractContext, "milliseconds">,
  sandbox: Sandbox,
  file: { readonly path: string; readonly lastLine?: string | undefined },
): Promise<string> {
  const { path, lastLine = "" } = file;
  const timeoutMs = context.milliseconds(DEADLINE_MS);
  const outcome = await run(sandbox, ["sh", "-c", look, "sh", path, lastLine], { timeoutMs });
  const what = lastLine === "" ? "anything" : JSON.stringify(lastLine);
  assert.equal(outcome.isTimedOut, false, `${what} in the file ${path}: not seen within ${String(timeoutMs)} ms`);
  return outcome.stdout.toString("utf8");
}
