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

const notStarted = "the proxy did not start";

/** What a process that cannot begin says last. */
export function failureLine(error: unknown): readonly [fields: Readonly<Record<string, unknown>>, message: string] {
  return [{ error }, notStarted];
}

/** Written before a process is started: what stands above it in the log was said by others. */
export function startLine(): string {
  return `${JSON.stringify({ time: new Date().toISOString(), level: "info", message: "the proxy is started" })}\n`;
}

/** What the last line of the log says of the last start, if that failed. */
export async function lastWords(log: string): Promise<FailedStart | undefined> {
  const text = await readFile(log, "utf8").catch(() => "");
  const line = text.trimEnd().split("\n").at(-1) ?? "";
  const { message, error } = (readWhole(line) ?? {}) as {
    readonly message?: string;
    readonly error?: Partial<ClauderonErrorJson>;
  };
  // Where it is not a line of ours, Node itself could not run it; other lines tell of a proxy that ran.
  if (message !== notStarted || error?.message === undefined) return undefined;
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
