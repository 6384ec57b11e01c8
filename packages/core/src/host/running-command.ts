import { stat } from "node:fs/promises";
import { constants } from "node:os";
import type { Readable } from "node:stream";

import type { CommandOptions } from "../contract/command-runner.ts";
import { CommandError } from "../contract/errors/command-error.ts";

/** A started helper program, leader of its own process group. */
export interface RunningCommand {
  readonly processId: number;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the program itself has ended, with 128 + n for signal n. */
  readonly ended: Promise<number>;
}

type StartOptions = Pick<CommandOptions, "cwd" | "environment" | "input">;

/** Starts the program; rejects with `command.not-found`, or `command.failed` where it exists but cannot be run. */
export async function startCommand(
  program: string,
  args: readonly string[],
  options: StartOptions,
): Promise<RunningCommand> {
  // Loading it takes longer than anything else here does; most of those who can start a program start none.
  const { execa } = await import("execa");
  const child = execa(program, [...args], {
    detached: true,
    cleanup: false,
    buffer: false,
    reject: false,
    extendEnv: options.environment === undefined,
    ...(options.environment === undefined ? {} : { env: { ...options.environment } }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
  });
  if (child.pid === undefined) throw await startError(program, options.cwd, (await child).cause);
  const ended = new Promise<number>((resolve) => {
    child.nodeChildProcess.once("exit", (code, signal) => {
      resolve(code ?? 128 + constants.signals[signal ?? "SIGKILL"]);
    });
  });
  return { processId: child.pid, stdout: child.stdout, stderr: child.stderr, ended };
}

async function startError(program: string, cwd: string | undefined, cause: unknown): Promise<CommandError> {
  const why = cause instanceof Error ? cause.message : String(cause);
  const { code } = cause as NodeJS.ErrnoException;
  if (cwd !== undefined && !(await isDirectory(cwd))) {
    return new CommandError({
      message: `${program} cannot be run in ${cwd}`,
      why: "there is no such directory",
      fix: ["choose a directory that exists"],
      context: { program, cwd },
      cause,
    });
  }
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new CommandError({
      code: "command.not-found",
      message: `The program ${program} was not found`,
      why,
      fix: [`install ${program}, or put its directory on PATH`],
      context: { program },
      cause,
    });
  }
  return new CommandError({
    message: `The program ${program} could not be started`,
    why,
    fix: [`check that ${program} is a program of this machine and may be executed`],
    context: { program, exitCode: 126 },
    cause,
  });
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isDirectory(),
    () => false,
  );
}
