import { readFile } from "node:fs/promises";

import type { ClauderonErrorJson } from "@clauderon/core/contract";
import { parseJson } from "@clauderon/core/host";

import { isProxyConfigured } from "../settings/is-proxy-configured.ts";
import { proxyProcessPaths } from "./proxy-process-paths.ts";
import { keptSessions } from "./proxy-state.ts";

/** Why the proxy's process could not begin, and what helps. */
export interface FailedStart {
  readonly why: string;
  readonly fix: readonly string[];
}

/** Of the last start of a home's proxy; `undefined` when that did not fail, or nobody needs the proxy. To be asked when none runs. */
export async function failedStart(home: string): Promise<FailedStart | undefined> {
  const isWanted = (await keptSessions(home)).length > 0 || (await isProxyConfigured(home));
  return isWanted ? lastWords(proxyProcessPaths(home).log) : undefined;
}

/** What the last line of the log says of a start that failed. */
export async function lastWords(log: string): Promise<FailedStart | undefined> {
  const text = await readFile(log, "utf8").catch(() => "");
  const line = text.trimEnd().split("\n").at(-1) ?? "";
  const { error } = (readWhole(line) ?? {}) as { readonly error?: Partial<ClauderonErrorJson> };
  // Where it is not a line of ours, Node itself could not run it.
  if (error?.message === undefined) return undefined;
  return { why: [error.message, error.why ?? []].flat().join(": "), fix: error.fix ?? [] };
}

/** A process that is killed may leave half a line. */
export function readWhole(line: string): unknown {
  try {
    return parseJson(line, "the proxy's own text");
  } catch {
    // See above.
    return undefined;
  }
}
