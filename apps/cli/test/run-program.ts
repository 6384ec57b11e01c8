import { spawn, type ChildProcess } from "node:child_process";

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunProgramOptions {
  readonly cwd: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly input?: string | undefined;
  readonly onStart?: ((child: ChildProcess) => void) | undefined;
}

/** Runs to the end whatever the exit code. */
export async function runProgram(argv: readonly [string, ...string[]], options: RunProgramOptions): Promise<Ran> {
  const [file, ...args] = argv;
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: options.environment,
    stdio: ["pipe", "pipe", "pipe"],
  });
  options.onStart?.(child);
  // A program that does not read closes its end.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject).on("close", resolve);
  });
  return { code, stdout, stderr };
}
