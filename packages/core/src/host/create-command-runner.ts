import type { Readable } from "node:stream";
import { setImmediate as turn, setTimeout as delay } from "node:timers/promises";

import type { CommandOptions, CommandResult, CommandRunner } from "../contract/command-runner.ts";
import { CommandError } from "../contract/errors/command-error.ts";
import { OperationError } from "../contract/errors/operation-error.ts";
import { endGroup } from "./process-group.ts";
import { type RunningCommand, startCommand } from "./running-command.ts";

/** On a busy machine git takes this long to put away its locks; killed before, it would leave them for ever. */
const GRACE_MS = 5000;
const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_OUTPUT_BYTES = 16 * 1024 * 1024;
/** A background process that kept the output open is not waited for longer than this once the program has ended. */
const OUTPUT_AFTER_END_MS = 1000;
const STDERR_KEPT_BYTES = 64 * 1024;

/** Runs programs of this machine, each in a process group of its own, over execa. */
export function createCommandRunner(): CommandRunner {
  return { run, stream };
}

async function run(program: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  await using command = await guard(program, args, options);
  const limit = options.maxOutputBytes ?? DEFAULT_OUTPUT_BYTES;
  let total = 0;
  const collect = async (output: Readable): Promise<string> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of command.read(output)) {
      total += chunk.byteLength;
      if (total > limit) throw tooMuchOutput(program, limit);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
  };
  const [stdout, stderr] = await command.race(Promise.all([collect(command.stdout), collect(command.stderr)]));
  const exitCode = await command.race(command.ended);
  return { exitCode, stdout, stderr };
}

async function* stream(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  await using command = await guard(program, args, options);
  const limit = options.maxOutputBytes ?? Number.POSITIVE_INFINITY;
  const complaint = collectTail(command.read(command.stderr));
  const chunks = command.read(command.stdout);
  let total = 0;
  for (;;) {
    const next = await command.race(chunks.next());
    if (next.done === true) break;
    total += next.value.byteLength;
    if (total > limit) throw tooMuchOutput(program, limit);
    yield next.value;
  }
  const exitCode = await command.race(command.ended);
  const stderr = await command.race(complaint);
  if (exitCode === 0) return;
  throw new CommandError({
    message: `${program} failed with exit code ${exitCode}`,
    why: stderr.trim() === "" ? undefined : stderr.trim(),
    fix: ["mend what the program complains about and try again"],
    context: { program, exitCode },
  });
}

interface GuardedCommand extends RunningCommand, AsyncDisposable {
  /** The promise, or the rejection of an abort or timeout when that comes first. */
  race<Value>(promise: Promise<Value>): Promise<Value>;
  read(output: Readable): AsyncGenerator<Uint8Array, void, undefined>;
}

/** Starts the program under the call's timeout and signal. Disposing it kills the group unless the program has ended. */
async function guard(program: string, args: readonly string[], options: CommandOptions): Promise<GuardedCommand> {
  options.signal?.throwIfAborted();
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const command = await startCommand(program, args, options);
  const stopped = Promise.withResolvers<never>();
  stopped.promise.catch(() => {
    // Told to whoever races; without one there is nobody left to tell.
  });
  let hasEnded = false;
  let mustKill = false;
  const ended = command.ended.then((code) => {
    hasEnded = true;
    return code;
  });
  const stop = (reason: unknown): void => {
    mustKill = true;
    stopped.reject(reason);
  };
  const onAbort = (): void => stop(options.signal?.reason);
  options.signal?.addEventListener("abort", onAbort, { once: true });
  if (options.signal?.aborted === true) onAbort();
  const timer = Number.isFinite(timeoutMs)
    ? setTimeout(() => stop(timedOut(program, timeoutMs)), Math.min(timeoutMs, 2 ** 31 - 1))
    : undefined;
  return {
    ...command,
    ended,
    race: (promise) => Promise.race([promise, stopped.promise]),
    read: (output) => readUntilEnd(output, ended),
    async [Symbol.asyncDispose]() {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", onAbort);
      if (mustKill || !hasEnded) await endGroup(command.processId, GRACE_MS);
    },
  };
}

async function* readUntilEnd(output: Readable, ended: Promise<unknown>): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks: AsyncIterator<Uint8Array, undefined> = output[Symbol.asyncIterator]();
  try {
    for (;;) {
      const patience = new AbortController();
      const abandoned = ended.then(async () => {
        await delay(OUTPUT_AFTER_END_MS, undefined, { signal: patience.signal });
        // One turn more, so that output which arrived while this process was busy is read first.
        await turn();
        return { done: true, value: undefined } as const;
      });
      abandoned.catch(() => {
        // The delay was called off because output came.
      });
      const next = await Promise.race([chunks.next(), abandoned]);
      patience.abort();
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    output.destroy();
  }
}

/** The last of what the program complained about. */
async function collectTail(output: AsyncIterable<Uint8Array>): Promise<string> {
  let tail: Buffer = Buffer.alloc(0);
  for await (const chunk of output) tail = Buffer.concat([tail, chunk]).subarray(-STDERR_KEPT_BYTES);
  return tail.toString("utf8");
}

function timedOut(program: string, timeoutMs: number): OperationError {
  return new OperationError({
    code: "operation.timeout",
    message: `${program} did not end within ${timeoutMs} ms and was ended`,
    fix: ["try again when the machine is less busy"],
    context: { program, timeoutMs },
  });
}

function tooMuchOutput(program: string, limit: number): CommandError {
  return new CommandError({
    message: `${program} printed more than ${limit} bytes and was ended`,
    fix: ["ask for less at once"],
    context: { program, maxOutputBytes: limit },
  });
}
