import { ClauderonError, CommandError, type CommandRunner } from "@clauderon/core/contract";

import { createCachedReader, type CachedReader } from "./cached-reader.ts";
import { checkSecretValue, type SecretReading } from "./secret-file.ts";

/** How the `op` program is used. */
export interface OnePasswordSettings {
  /** Default `op`. */
  readonly program?: string | undefined;
  /** `op://vault/item/field` by the secret's name. */
  readonly references: Readonly<Record<string, string>>;
}

export interface OnePasswordPorts {
  readonly runner: CommandRunner;
  readonly monotonicMs: () => number;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Reads secrets with the `op` program; `read` throws with the reason and the fix when the program is missing, locked or slow. */
export type OnePassword = CachedReader;

const timeoutMs = 10_000;

/** Asks 1Password when a secret is needed, and remembers. */
export function createOnePassword(settings: OnePasswordSettings, ports: OnePasswordPorts): OnePassword {
  return createCachedReader(async (name) => {
    const reference = settings.references[name];
    return reference === undefined ? { kind: "missing" } : askProgram(reference, settings.program ?? "op", ports);
  }, ports.monotonicMs);
}

async function askProgram(reference: string, program: string, ports: OnePasswordPorts): Promise<SecretReading> {
  try {
    const options = { timeoutMs, environment: ports.environment, maxOutputBytes: 65_536 };
    const result = await ports.runner.run(program, ["read", "--no-newline", "--", reference], options);
    if (result.exitCode === 0) return checkSecretValue(Buffer.from(result.stdout), reference);
    throw new CommandError({
      message: `1Password does not give ${reference}`,
      why: firstLine(result.stderr) ?? `${program} ended with code ${result.exitCode}`,
      fix: [
        `unlock 1Password, then try: ${program} read ${reference}`,
        "correct [onepassword.credentials] in proxy.toml",
      ],
      context: { reference, exitCode: result.exitCode },
    });
  } catch (error) {
    if (ClauderonError.isInstance(error, "operation.timeout"))
      throw new CommandError({
        message: `1Password does not give ${reference}`,
        why: `${program} did not answer within ${timeoutMs / 1000} s`,
        fix: [`unlock 1Password, then try: ${program} read ${reference}`],
        context: { reference },
        cause: error,
      });
    if (!ClauderonError.isInstance(error, "command.not-found")) throw error;
    throw new CommandError({
      code: "command.not-found",
      message: `The 1Password program ${program} is not there`,
      fix: [
        "install it: https://developer.1password.com/docs/cli",
        "write its path as op_path in [onepassword] of proxy.toml",
      ],
      context: { program },
      cause: error,
    });
  }
}

function firstLine(text: string): string | undefined {
  const line = text.split("\n").find((candidate) => candidate.trim() !== "");
  return line?.replaceAll(/[^\u0020-\u007e]/g, "?").slice(0, 300);
}
