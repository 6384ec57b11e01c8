import type { ExecResult } from "../contract/clauderon.ts";
import type { ExecOptions, ProcessHandle } from "../contract/process.ts";
import { collectText } from "./collect-text.ts";

export interface ExecToEndOptions extends ExecOptions {
  readonly input?: string | Uint8Array | undefined;
}

/** Starts a process, gives it the input and collects all it prints until its end. */
export async function execToEnd(
  spawn: (options: ExecOptions) => Promise<ProcessHandle>,
  { input, ...options }: ExecToEndOptions,
): Promise<ExecResult> {
  const startedMs = performance.now();
  const process = await spawn(input === undefined ? options : { ...options, stdin: "pipe" });
  const [stdout, stderr] = await Promise.all([
    collectText(process.stdout),
    collectText(process.stderr),
    feed(process, input),
  ]);
  const { exitCode } = await process.exit;
  return { exitCode, stdout, stderr, durationMs: performance.now() - startedMs };
}

async function feed(process: ProcessHandle, input: string | Uint8Array | undefined): Promise<void> {
  if (input === undefined) return;
  const writer = process.stdin.getWriter();
  try {
    await writer.write(typeof input === "string" ? new TextEncoder().encode(input) : input);
    await writer.close();
  } catch {
    // The process may end without reading all of its input; its exit code tells how it went.
  }
}
