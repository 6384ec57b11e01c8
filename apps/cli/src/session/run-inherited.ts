import { spawn } from "node:child_process";
import { constants } from "node:os";

import { CommandError } from "@clauderon/core/contract";

import type { CommandContext } from "../command/command-context.ts";

/** Runs a program on this terminal to its end and resolves with its exit code; signals go to it. */
export async function runInherited(
  argv: readonly [program: string, ...rest: string[]],
  environment: Readonly<Record<string, string>>,
  context: Pick<CommandContext, "handleSignals" | "currentDirectory" | "keyboard">,
): Promise<number> {
  const [program, ...rest] = argv;
  const child = spawn(program, rest, { cwd: context.currentDirectory, env: { ...environment }, stdio: "inherit" });
  using _signals = context.handleSignals((signal) => {
    // Ctrl-C on a terminal reaches the program by itself.
    if (signal !== "SIGINT" || !context.keyboard.isTerminal) child.kill(signal);
  });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.on("error", (error: NodeJS.ErrnoException) => {
    reject(
      new CommandError({
        code: error.code === "ENOENT" ? "command.not-found" : "command.failed",
        message: `${program} cannot be run`,
        why: error.message,
        fix: ["check its name and your PATH"],
        cause: error,
      }),
    );
  });
  child.on("exit", (code, signal) => {
    resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
  });
  return promise;
}
