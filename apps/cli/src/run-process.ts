import { isatty } from "node:tty";

import { createCoreAccess } from "./core-access.ts";
import type { Host } from "./host.ts";
import type { OutputStream } from "./output/output.ts";
import { createPrompts } from "./process-prompts.ts";
import { run } from "./run.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const WIDTH = 80;
const HEIGHT = 24;

/** Runs the command line of this process and ends it with the command's exit code. */
export async function runProcess(argv: readonly string[]): Promise<void> {
  const environment = Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  // A reader that has gone is told by the write itself; the event alone must not end the process.
  process.stdout.on("error", handledByTheWrite);
  process.stderr.on("error", handledByTheWrite);
  const host: Host = {
    stdout: outputStream(process.stdout, 1),
    stderr: outputStream(process.stderr, 2),
    keyboard: {
      isTerminal: isatty(0),
      get stream() {
        return process.stdin;
      },
    },
    prompts: createPrompts(process.stderr),
    environment,
    currentDirectory: currentDirectory(),
    access: createCoreAccess(environment),
    onSignal(listener) {
      for (const signal of SIGNALS) process.on(signal, listener);
      return {
        [Symbol.dispose]: () => {
          for (const signal of SIGNALS) process.off(signal, listener);
        },
      };
    },
    exit: (code) => process.exit(code),
    terminalRows: () => process.stdout.rows || HEIGHT,
  };
  // Everything has been written and taken by now; what still listens (standard input, kept connections) must not hold the process.
  process.exit(await run(argv, host));
}

function outputStream(stream: NodeJS.WriteStream, fd: number): OutputStream {
  return { stream, isTerminal: isatty(fd), columns: () => stream.columns || WIDTH };
}

/** A directory that was deleted has no path any more; what needs it will say that it does not exist. */
function currentDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return process.env["PWD"] ?? "/";
  }
}

const handledByTheWrite = (): void => undefined;
