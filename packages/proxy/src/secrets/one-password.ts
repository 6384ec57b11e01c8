import { ClauderonError, CommandError, type CommandRunner } from "@clauderon/core/contract";

import { checkSecretValue, type SecretReading } from "./secret-file.ts";

/** How the `op` program is used. */
export interface OnePasswordSettings {
  /** Default `op`. */
  readonly program?: string | undefined;
  /** `op://vault/item/field` by the secret's name. */
  readonly references: Readonly<Record<string, string>>;
}

/** Reads secrets with the `op` program, each at most once at a time. */
export interface OnePassword {
  /** Throws with the reason and the fix when the program is missing, locked or slow. */
  read(name: string): Promise<SecretReading>;
  /** What was read before and still holds. */
  peek(name: string): string | undefined;
  forget(): void;
}

export interface OnePasswordPorts {
  readonly runner: CommandRunner;
  readonly monotonicMs: () => number;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const timeoutMs = 10_000;
const valueFreshMs = 15 * 60_000;
// A locked vault asks its user; asking again for each request would open a window each time.
const failureFreshMs = 30_000;

interface Entry {
  readonly until: number;
  readonly reading: Promise<SecretReading>;
  value?: string;
}

/** Keeps what it read in memory for a quarter of an hour, a failure for half a minute. */
export function createOnePassword(settings: OnePasswordSettings, ports: OnePasswordPorts): OnePassword {
  const entries = new Map<string, Entry>();
  const fresh = (name: string): Entry | undefined => {
    const entry = entries.get(name);
    return entry !== undefined && entry.until > ports.monotonicMs() ? entry : undefined;
  };
  return {
    peek: (name) => fresh(name)?.value,
    forget: () => entries.clear(),
    read: async (name) => {
      const known = fresh(name);
      if (known !== undefined) return known.reading;
      const reference = settings.references[name];
      if (reference === undefined) return { kind: "missing" };
      const reading = askProgram(reference, settings.program ?? "op", ports);
      const entry: Entry = { until: Number.POSITIVE_INFINITY, reading };
      entries.set(name, entry);
      try {
        const result = await reading;
        const value = result.kind === "value" ? { value: result.value } : {};
        if (entries.get(name) === entry)
          entries.set(name, { reading, until: ports.monotonicMs() + valueFreshMs, ...value });
        return result;
      } catch (error) {
        if (entries.get(name) === entry) entries.set(name, { reading, until: ports.monotonicMs() + failureFreshMs });
        throw error;
      }
    },
  };
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
