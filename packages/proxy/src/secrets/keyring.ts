import { ClauderonError, CommandError, type CommandResult, type CommandRunner } from "@clauderon/core/contract";

import { createCachedReader } from "./cached-reader.ts";
import { checkSecretValue, type SecretReading } from "./secret-file.ts";

/** The keyring of the desktop: Secret Service on Linux, the login keychain on macOS. */
export interface Keyring {
  /** Throws when the keyring is locked or its program is missing. */
  read(name: string): Promise<SecretReading>;
  store(name: string, value: string): Promise<void>;
  remove(name: string): Promise<void>;
  forget(): void;
}

/** What {@link createKeyring} works with. */
export interface KeyringSettings {
  readonly runner: CommandRunner;
  readonly monotonicMs: () => number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Default: this machine's. */
  readonly platform?: NodeJS.Platform | undefined;
  /** Default `secret-tool`, on macOS `security`. */
  readonly program?: string | undefined;
}

interface Call {
  readonly args: readonly string[];
  readonly input?: string | undefined;
}

/** How a platform's program is called. A value goes through standard input alone: arguments are readable by every user. */
interface Dialect {
  readonly program: string;
  readonly install: string;
  read(name: string): Call;
  store(name: string, value: string): Call;
  remove(name: string): Call;
  /** Whether the answer means that the keyring does not have it. */
  isMissing(result: CommandResult): boolean;
}

const timeoutMs = 30_000;
const service = "clauderon";

const secretTool: Dialect = {
  program: "secret-tool",
  install: "install it: apt install libsecret-tools",
  read: (name) => ({ args: ["lookup", "service", service, "name", name] }),
  store: (name, value) => ({
    args: ["store", `--label=clauderon ${name}`, "service", service, "name", name],
    input: value,
  }),
  remove: (name) => ({ args: ["clear", "service", service, "name", name] }),
  isMissing: ({ exitCode, stderr }) => exitCode === 1 && stderr.trim() === "",
};

const itemNotFound = 44;
const keychain: Dialect = {
  program: "security",
  install: "it is part of macOS: /usr/bin/security",
  read: (name) => ({ args: ["find-generic-password", "-s", service, "-a", name, "-w"] }),
  store: (name, value) => ({
    args: ["-i"],
    input: `add-generic-password -U -s ${service} -a ${name} -X ${Buffer.from(value).toString("hex")}\n`,
  }),
  remove: (name) => ({ args: ["delete-generic-password", "-s", service, "-a", name] }),
  isMissing: ({ exitCode }) => exitCode === itemNotFound,
};

/** Opens the keyring; its program runs when a secret is asked for. Names were checked before: letters, digits, dots, dashes, underscores. */
export function createKeyring(settings: KeyringSettings): Keyring {
  const dialect = (settings.platform ?? process.platform) === "darwin" ? keychain : secretTool;
  const run = async (call: Call): Promise<CommandResult> => runProgram(settings, dialect, call);
  const reader = createCachedReader(async (name) => {
    const result = await run(dialect.read(name));
    if (dialect.isMissing(result)) return { kind: "missing" };
    if (result.exitCode !== 0) throw failed(dialect, result);
    return checkSecretValue(Buffer.from(result.stdout), `${name} in the keyring`);
  }, settings.monotonicMs);
  return {
    read: async (name) => reader.read(name),
    forget: () => reader.forget(),
    store: async (name, value) => {
      const result = await run(dialect.store(name, value));
      if (result.exitCode !== 0) throw failed(dialect, result);
      reader.forget();
    },
    remove: async (name) => {
      const result = await run(dialect.remove(name));
      if (result.exitCode !== 0 && !dialect.isMissing(result)) throw failed(dialect, result);
      reader.forget();
    },
  };
}

async function runProgram(settings: KeyringSettings, dialect: Dialect, call: Call): Promise<CommandResult> {
  const program = settings.program ?? dialect.program;
  const { input } = call;
  try {
    return await settings.runner.run(program, call.args, { timeoutMs, environment: settings.environment, input });
  } catch (error) {
    if (!ClauderonError.isInstance(error, "command.not-found")) throw error;
    throw new CommandError({
      code: "command.not-found",
      message: `The keyring's program ${program} is not there`,
      fix: [dialect.install, "or store the secret as a file: clauderon config credentials set NAME"],
      context: { program },
      cause: error,
    });
  }
}

function failed(dialect: Dialect, { exitCode, stderr }: CommandResult): CommandError {
  const why = stderr
    .split("\n")[0]
    ?.replaceAll(/[^\u0020-\u007e]/g, "?")
    .slice(0, 300);
  return new CommandError({
    message: "The keyring did not do what was asked",
    why: why === undefined || why === "" ? `${dialect.program} ended with code ${exitCode}` : why,
    fix: [
      "unlock the keyring of your desktop, then try again",
      "or store the secret as a file: clauderon config credentials set NAME",
    ],
    context: { exitCode },
  });
}
