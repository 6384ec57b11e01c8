import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";

import type { HostProcess, HostProcessEvents, HostProcessOptions } from "./host-process.ts";
import type { SourceName } from "./host-protocol.ts";

/** After the end of the process, output of what it left behind is awaited so long. */
const idleAfterEndMs = 250;

/** Starts a process with pipes, in a session and group of its own. Rejects as `spawn` does when it cannot be run. */
export async function spawnPipes(
  options: HostProcessOptions & { readonly hasInput: boolean },
  events: HostProcessEvents,
): Promise<HostProcess> {
  const { argv, cwd, environment, hasInput } = options;
  const [program, ...args] = argv;
  const child = spawn(program, args, {
    cwd,
    env: { ...environment },
    detached: true,
    stdio: [hasInput ? "pipe" : "ignore", "pipe", "pipe"],
  });
  const started = new PipeProcess(child, events);
  await once(child, "spawn");
  return started;
}

class PipeProcess implements HostProcess {
  readonly #child: ChildProcess;

  constructor(child: ChildProcess, events: HostProcessEvents) {
    this.#child = child;
    let quiet: NodeJS.Timeout | undefined;
    let closing: NodeJS.Immediate | undefined;
    let hasExited = false;
    const awaitQuiet = (): void => {
      clearTimeout(quiet);
      clearImmediate(closing);
      if (!hasExited) return;
      const close = (): void => {
        // A pipe that is not read on purpose still holds output.
        if (child.stdout?.isPaused() || child.stderr?.isPaused()) return awaitQuiet();
        child.stdout?.destroy();
        child.stderr?.destroy();
      };
      // A program that was not run for long finds the timer due before it has read what came meanwhile.
      quiet = setTimeout(() => {
        closing = setImmediate(close);
      }, idleAfterEndMs);
    };
    for (const source of ["stdout", "stderr"] as const) {
      child[source]?.on("data", (bytes: Buffer) => {
        events.output(source, bytes);
        awaitQuiet();
      });
      // Reading fails when the other end is gone; `close` follows.
      child[source]?.on("error", () => undefined);
    }
    // A process that does not read, or has ended, is no fault of the writer; `end` tells about it.
    child.stdin?.on("error", () => undefined);
    child.on("exit", () => {
      hasExited = true;
      awaitQuiet();
    });
    child.on("close", (code, signal) => {
      clearTimeout(quiet);
      clearImmediate(closing);
      if (child.pid === undefined) return;
      const number = signal === null ? 0 : constants.signals[signal];
      events.end({ exitCode: code ?? 128 + number, signal: signal ?? undefined, isTimedOut: false });
    });
  }

  get processId(): number {
    return this.#child.pid ?? -1;
  }

  write(bytes: Buffer, done: () => void): void {
    const { stdin } = this.#child;
    if (stdin === null || !stdin.writable) return done();
    stdin.write(bytes, () => done());
  }

  endInput(): void {
    this.#child.stdin?.end();
  }

  setFlowing(source: SourceName, isFlowing: boolean): void {
    const stream = this.#child[source];
    if (stream === null || stream.destroyed) return;
    if (isFlowing && stream.isPaused()) stream.resume();
    else if (!isFlowing && !stream.isPaused()) stream.pause();
  }

  resize(): void {}
}
