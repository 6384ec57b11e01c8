import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import { FileError, UsageError } from "@clauderon/core/contract";

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** `--env K=V` and `--env-file FILE`; a flag wins over the file. `K` alone takes the caller's value. */
export async function readEnvironmentOptions(
  options: { readonly pairs: readonly string[]; readonly file: string | undefined },
  caller: { readonly environment: Readonly<Record<string, string>>; readonly currentDirectory: string },
): Promise<Readonly<Record<string, string>>> {
  const result = new Map<string, string>();
  if (options.file !== undefined) {
    const path = resolve(caller.currentDirectory, options.file);
    const text = await readText(path, "--env-file");
    const { parseEnv } = await import("node:util");
    for (const [name, value] of Object.entries(parseEnv(text))) if (value !== undefined) result.set(name, value);
  }
  for (const pair of options.pairs) {
    const equals = pair.indexOf("=");
    const name = equals < 0 ? pair : pair.slice(0, equals);
    if (!NAME.test(name)) {
      throw new UsageError({
        message: `"${name}" is not a name of an environment variable`,
        fix: ["write --env NAME=VALUE"],
      });
    }
    const value = equals < 0 ? caller.environment[name] : pair.slice(equals + 1);
    if (value === undefined) {
      throw new UsageError({
        message: `--env ${name} has no value, and ${name} is not set here`,
        fix: [`write --env ${name}=VALUE`],
      });
    }
    result.set(name, value);
  }
  return Object.fromEntries(result);
}

async function readText(path: string, option: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new FileError({
      code: "file.not-found",
      message: `${option} cannot be read: ${path}`,
      why: error instanceof Error ? error.message : String(error),
      fix: ["check the path"],
      cause: error,
    });
  }
}
