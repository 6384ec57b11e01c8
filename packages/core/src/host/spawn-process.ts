import { type ChildProcess, spawn } from "node:child_process";
import type { Writable } from "node:stream";

import { CommandError } from "../contract/errors/command-error.ts";
import type { ProcessExit, ProcessHandle, TerminalSize } from "../contract/process.ts";
import { findProgram } from "./find-program.ts";
import { loadPty } from "./load-pty.ts";
import { processExit } from "./process-exit.ts";
import { signalGroup } from "./process-group.ts";
import { closedReadable, closedWritable, processOutput } from "./process-output.ts";
import { readToEnd } from "./read-to-end.ts";

export interface SpawnOptions {
  /** Absolute. */
  readonly cwd: string;
  /** The whole environment of the process. */
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin?: "pipe" | "ignore" | undefined;
  /** Needs the optional peer `@lydell/node-pty`. */
  readonly terminal?: TerminalSize | undefined;
  readonly timeoutMs?: number | undefined;
}

/** A handle and the id of its process; 0 when it never ran. */
export interface SpawnedProcess extends ProcessHandle {
  readonly processId: number;
}

/**
 * Starts a process of this machine with everything that `Sandbox.exec` promises: a process group of its own, exit codes 126, 127 and 128 + n,
 * back-pressure, a terminal when asked for. It dies with nothing but a signal or its own end.
 */
export async function spawnProcess(
  argv: readonly [string, ...string[]],
  options: SpawnOptions,
): Promise<SpawnedProcess> {
  const found = await findProgram(argv[0], options);
  if (!("path" in found)) return neverRan(argv[0], found.exitCode);
  const started = options.terminal === undefined ? await startPlain(argv, options) : await startTerminal(argv, options);
  if (started === undefined) return neverRan(argv[0], 126);
  return started;
}

async function startPlain(
  argv: readonly [string, ...string[]],
  options: SpawnOptions,
): Promise<SpawnedProcess | undefined> {
  const child = spawn(argv[0], argv.slice(1), {
    cwd: options.cwd,
    env: options.environment,
    detached: true,
    stdio: [options.stdin ?? "ignore", "pipe", "pipe"],
  });
  const hasStarted = await new Promise<boolean>((resolve) => {
    child.once("spawn", () => resolve(true));
    child.once("error", () => resolve(false));
  });
  const { pid, stdout, stderr } = child;
  if (!hasStarted || pid === undefined || stdout === null || stderr === null) return undefined;
  const outputs = { stdout: processOutput(stdout), stderr: processOutput(stderr) };
  const end = ending(pid, options.timeoutMs);
  child.once("exit", (code, signal) => {
    end.hasEnded();
    outputs.stdout.finish();
    outputs.stderr.finish();
    void Promise.all([outputs.stdout.ended, outputs.stderr.ended]).then(() =>
      end.resolve(processExit(code, signal, end.isTimedOut())),
    );
  });
  return {
    processId: pid,
    stdin: standardInput(child),
    stdout: outputs.stdout.stream,
    stderr: outputs.stderr.stream,
    exit: end.exit,
    kill: async (signal = "SIGTERM") => end.kill(signal),
    resize: () => Promise.resolve(),
  };
}

async function startTerminal(argv: readonly [string, ...string[]], options: SpawnOptions): Promise<SpawnedProcess> {
  const { spawn: spawnTerminal } = await loadPty();
  const size = options.terminal ?? { columns: 80, rows: 24 };
  const pty = spawnTerminal(argv[0], argv.slice(1), {
    cwd: options.cwd,
    env: { ...options.environment },
    cols: size.columns,
    rows: size.rows,
    name: options.environment["TERM"] ?? "xterm-256color",
    encoding: null,
  });
  const rest = readToEnd(pty);
  const end = ending(pty.pid, options.timeoutMs);
  let current = size;
  let isOpen = true;
  const stdout = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        // With `encoding: null` the data are bytes, whatever the declaration says.
        pty.onData((data: unknown) => {
          if (!isOpen) return;
          controller.enqueue(data as Uint8Array);
          if ((controller.desiredSize ?? 0) <= 0 && !rest.isEnding()) pty.pause();
        });
        pty.onExit(({ exitCode, signal }) => {
          end.hasEnded();
          if (isOpen) controller.close();
          isOpen = false;
          end.resolve(processExit(exitCode, signal, end.isTimedOut()));
        });
      },
      pull: () => pty.resume(),
      cancel() {
        isOpen = false;
        pty.resume();
      },
    },
    { highWaterMark: 1024 * 1024, size: (chunk) => chunk.byteLength },
  );
  return {
    processId: pty.pid,
    stdin: new WritableStream({
      write: (chunk) => writeTerminal(pty, chunk),
      close: () => writeTerminal(pty, Uint8Array.of(4)),
    }),
    stdout,
    stderr: closedReadable(),
    exit: end.exit,
    kill: async (signal = "SIGTERM") => end.kill(signal),
    async resize(wanted) {
      if (end.isOver() || (wanted.columns === current.columns && wanted.rows === current.rows)) return;
      current = wanted;
      pty.resize(wanted.columns, wanted.rows);
    },
  };
}

/** The declaration knows strings alone; bytes pass through as they are. */
export function writeTerminal(pty: { write(data: string): void }, bytes: Uint8Array): void {
  pty.write(Buffer.from(bytes) as unknown as string);
}

function standardInput(child: ChildProcess): WritableStream<Uint8Array> {
  const { stdin } = child;
  if (stdin === null) return closedWritable();
  stdin.on("error", () => {
    // The write that met it rejects with it.
  });
  return new WritableStream<Uint8Array>({
    write: (chunk) => writeInput(stdin, chunk),
    close: () => {
      stdin.end();
    },
    abort: () => {
      stdin.destroy();
    },
  });
}

async function writeInput(stdin: Writable, chunk: Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    stdin.write(chunk, (error) => {
      if (!error) {
        resolve();
        return;
      }
      reject(
        new CommandError({
          message: "The process takes no more input",
          why: error.message,
          fix: ["read its output and its exit code: it ended or closed its input"],
          cause: error,
        }),
      );
    });
  });
}

interface Ending {
  readonly exit: Promise<ProcessExit>;
  kill(signal: NodeJS.Signals): void;
  hasEnded(): void;
  isOver(): boolean;
  isTimedOut(): boolean;
  resolve(exit: ProcessExit): void;
}

function ending(processId: number, timeoutMs: number | undefined): Ending {
  const { promise: exit, resolve } = Promise.withResolvers<ProcessExit>();
  let isOver = false;
  let isTimedOut = false;
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          isTimedOut = !isOver;
          signalGroup(processId, "SIGKILL");
        }, timeoutMs);
  return {
    exit,
    kill(signal) {
      if (!isOver) signalGroup(processId, signal);
    },
    hasEnded() {
      isOver = true;
      clearTimeout(timer);
    },
    isOver: () => isOver,
    isTimedOut: () => isTimedOut,
    resolve,
  };
}

function neverRan(program: string, exitCode: 126 | 127): SpawnedProcess {
  const why = exitCode === 127 ? "not found" : "cannot be executed here";
  return {
    processId: 0,
    stdin: closedWritable(),
    stdout: closedReadable(),
    stderr: ReadableStream.from([Buffer.from(`${program}: ${why}\n`)]),
    exit: Promise.resolve({ exitCode, isTimedOut: false }),
    kill: () => Promise.resolve(),
    resize: () => Promise.resolve(),
  };
}
