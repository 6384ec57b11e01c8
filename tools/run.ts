import { spawn } from "node:child_process";

import { ROOT } from "./workspace-packages.ts";

export interface RunResult {
  readonly exitCode: number;
  readonly output: string;
}

/** Runs a program with an argument array and collects what it prints. */
export function run(program: string, argv: readonly string[], cwd: string = ROOT): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, argv, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", reject);
    child.on("close", (code) => {
      resolve({ exitCode: code ?? 1, output });
    });
  });
}

/** As `run`, but a failure is an error that shows the output. */
export async function runOrThrow(program: string, argv: readonly string[], cwd: string = ROOT): Promise<string> {
  const { exitCode, output } = await run(program, argv, cwd);
  if (exitCode !== 0) {
    throw new Error(`${program} ${argv.join(" ")} ended with ${exitCode}\n${output}`);
  }
  return output;
}
