import assert from "node:assert/strict";

import { ClauderonError, type ErrorCode, type ExecOptions, type ProcessExit, type Sandbox } from "../contract/index.ts";

/** A command's whole outcome. */
export interface CommandOutcome extends ProcessExit {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

export interface RunOptions extends ExecOptions {
  readonly input?: Uint8Array | undefined;
}

/** All bytes of a stream. */
export async function readAll(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Runs a command to its end and collects what it printed. */
export async function run(
  sandbox: Sandbox,
  argv: readonly [string, ...string[]],
  options: RunOptions = {},
): Promise<CommandOutcome> {
  const { input, ...rest } = options;
  const handle = await sandbox.exec(argv, input === undefined ? rest : { ...rest, stdin: "pipe" });
  const feeding = input === undefined ? Promise.resolve() : feed(handle.stdin, input);
  const [stdout, stderr, exit] = await Promise.all([
    readAll(handle.stdout),
    readAll(handle.stderr),
    handle.exit,
    feeding,
  ]);
  return { ...exit, stdout, stderr };
}

/** Writes all and closes; a process may end without having read everything. */
async function feed(stdin: WritableStream<Uint8Array>, input: Uint8Array): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(input);
    await writer.close();
  } catch {
    // The process ended first: its output and exit code say whether that is an error.
  }
}

/** What a constant shell script printed, with its arguments as `$1`, `$2`, …. */
export async function script(sandbox: Sandbox, text: string, ...parameters: readonly string[]): Promise<string> {
  const { stdout } = await run(sandbox, ["sh", "-c", text, "sh", ...parameters]);
  return stdout.toString("utf8");
}

/** A file's content as a command inside sees it; empty when it is missing. */
export async function peek(sandbox: Sandbox, path: string): Promise<string> {
  const { stdout } = await run(sandbox, ["cat", "--", path]);
  return stdout.toString("utf8");
}

/** Whether a process whose arguments contain the token runs in the sandbox. */
export async function isTokenAlive(sandbox: Sandbox, token: string): Promise<boolean> {
  // In brackets, so that the search does not find itself.
  const pattern = `[${token.slice(0, 1)}]${token.slice(1)}`;
  const text = await script(sandbox, 'if grep -qs -- "$1" /proc/[0-9]*/cmdline; then printf alive; fi', pattern);
  return text === "alive";
}

/** Waits for the rejection, which must be ours, with one of the codes and a fix. */
export async function rejectsWith(
  promise: Promise<unknown>,
  ...codes: readonly [ErrorCode, ...ErrorCode[]]
): Promise<ClauderonError> {
  const error = await rejection(promise);
  assert.ok(ClauderonError.isInstance(error), `rejects with a clauderon error, not ${describe(error)}`);
  assert.ok(codes.includes(error.code), `rejects with ${codes.join(" or ")}, not ${error.code}: ${error.message}`);
  assert.ok((error.fix[0] ?? "") !== "", "the error names a fix");
  return error;
}

/** The reason with which the promise rejects; fails when it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  return assert.fail(`must reject, but resolved with ${describe(value)}`);
}

function describe(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return typeof value === "object" && value !== null ? Object.prototype.toString.call(value) : String(value);
}

/** All items. */
export async function collect<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}
