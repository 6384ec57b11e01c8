import { type CommandResult, type CommandRunner, WorkspaceError } from "@clauderon/core/contract";
import { refuseOldGit, withoutSessionMarks } from "@clauderon/core/host";

import { redactUrl } from "./repository-url.ts";
import { gitNeeded, isGitMissing } from "./repository/git-needed.ts";

export interface GitCall {
  readonly cwd?: string | undefined;
  /** Added: `GIT_DIR`, `GIT_INDEX_FILE`, … */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  readonly input?: string | Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  /** Exit codes that are an answer; default 0 alone. */
  readonly accepts?: readonly number[] | undefined;
}

/** The two ways in which git runs on this machine; there is no third. */
export interface Git {
  /** For trees an agent writes: the user's and the system's configuration are not read, no hook, no program, no network. */
  inspect(args: readonly string[], call?: GitCall): Promise<CommandResult>;
  /** As `inspect`, with standard output as bytes. */
  inspectBytes(args: readonly string[], call?: GitCall): Promise<Buffer>;
  /**
   * As the user: user and system configuration apply, credential helpers included. No hook. Only commands that are there to reach another repository, or
   * to write files, reach one: no other fetches what a partial clone lacks, as a repository's configuration says how that is done.
   */
  act(args: readonly string[], call?: GitCall): Promise<CommandResult>;
  /** As `act`, with standard output as bytes. */
  actBytes(args: readonly string[], call?: GitCall): Promise<Buffer>;
}

const SECOND = 1000;
const TIMEOUT_MS = 10 * 60 * SECOND;
const MAX_OUTPUT_BYTES = 512 * 1024 * 1024;

const quiet = [
  "-c",
  "core.hooksPath=/dev/null",
  "-c",
  "core.fsmonitor=false",
  "-c",
  "protocol.ext.allow=never",
  "-c",
  "gc.auto=0",
  "-c",
  "maintenance.auto=false",
];

/** What of the caller's environment may steer git when it acts for the user. */
const userVariables = new Set([
  "GIT_ASKPASS",
  "GIT_SSH",
  "GIT_SSH_COMMAND",
  "GIT_SSH_VARIANT",
  "GIT_CONFIG_GLOBAL",
  "GIT_CONFIG_SYSTEM",
  "GIT_CONFIG_NOSYSTEM",
  "GIT_EXEC_PATH",
  "GIT_SSL_CAINFO",
  "GIT_PROXY_SSL_CAINFO",
]);

/** Git before 2.45 does not know the second; without a protocol there is no fetch either. */
const withoutNetwork = { GIT_ALLOW_PROTOCOL: "", GIT_NO_LAZY_FETCH: "1" };

/** Those of `act` for which the user's remotes are asked. */
const reaching = new Set(["fetch", "ls-remote", "clone", "push", "read-tree", "checkout", "checkout-index", "reset"]);

const inspectVariables = {
  ...withoutNetwork,
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_OPTIONAL_LOCKS: "0",
};

export function createGit(runner: CommandRunner, environment: Readonly<Record<string, string | undefined>>): Git {
  const base: Record<string, string> = {};
  const user: Record<string, string> = {};
  for (const [name, value] of Object.entries(withoutSessionMarks(environment))) {
    if (name === "LANGUAGE") continue;
    if (!name.startsWith("GIT_")) base[name] = value;
    else if (userVariables.has(name)) user[name] = value;
  }
  Object.assign(base, {
    LC_ALL: "C",
    GIT_TERMINAL_PROMPT: "0",
    GIT_PAGER: "cat",
    GIT_EDITOR: "false",
    GIT_SEQUENCE_EDITOR: "false",
    GIT_ALLOW_PROTOCOL: "https:http:ssh:file",
    // What a repository claims its history to be decides which commits count as kept.
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_GRAFT_FILE: "/dev/null/none",
  });

  const options = (call: GitCall, added: Readonly<Record<string, string>>): Parameters<CommandRunner["run"]>[2] => ({
    cwd: call.cwd,
    environment: { ...base, ...added, ...call.environment },
    input: call.input,
    signal: call.signal,
    timeoutMs: call.timeoutMs ?? TIMEOUT_MS,
    maxOutputBytes: MAX_OUTPUT_BYTES,
  });
  let known: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    try {
      const { stdout } = await runner.run("git", ["--version"], { environment: base }).catch(explainMissing);
      refuseOldGit(stdout);
    } catch (error) {
      // There may be another by the next time.
      known = undefined;
      throw error;
    }
  };
  /** Asked once, before the first command. */
  const newEnough = (): Promise<void> => (known ??= look());
  const run = async (
    args: readonly string[],
    call: GitCall,
    added: Readonly<Record<string, string>>,
  ): Promise<CommandResult> => {
    await newEnough();
    const result = await runner.run("git", [...quiet, ...args], options(call, added)).catch(explainMissing);
    if (!(call.accepts ?? [0]).includes(result.exitCode)) throw gitFailed(args, result);
    return result;
  };
  const bytes = async (
    args: readonly string[],
    call: GitCall,
    added: Readonly<Record<string, string>>,
  ): Promise<Buffer> => {
    await newEnough();
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of runner.stream("git", [...quiet, ...args], options(call, added))) chunks.push(chunk);
    } catch (error) {
      return explainMissing(error);
    }
    return Buffer.concat(chunks);
  };
  const actVariables = (args: readonly string[]): Readonly<Record<string, string>> =>
    reaching.has(commandOf(args)) ? user : { ...user, ...withoutNetwork };
  return {
    inspect: (args, call = {}) => run(args, call, inspectVariables),
    inspectBytes: (args, call = {}) => bytes(args, call, inspectVariables),
    act: (args, call = {}) => run(args, call, actVariables(args)),
    actBytes: (args, call = {}) => bytes(args, call, actVariables(args)),
  };
}

function explainMissing(error: unknown): never {
  throw isGitMissing(error) ? gitNeeded(error) : error;
}

/** The command among its options. */
function commandOf(args: readonly string[]): string {
  const isValue = (index: number): boolean => ["-c", "-C"].includes(args[index - 1] ?? "");
  return args.find((argument, index) => !argument.startsWith("-") && !isValue(index)) ?? "";
}

/** What git complained about, as an error of ours. */
export function gitFailed(args: readonly string[], result: CommandResult): WorkspaceError {
  const command = args.find((argument) => /^[a-z][a-z-]+$/u.test(argument)) ?? "git";
  const complaint = redactUrl(result.stderr.trim().split("\n").slice(0, 5).join("; "));
  return new WorkspaceError({
    message: `git ${command} failed with exit code ${String(result.exitCode)}`,
    why: complaint === "" ? undefined : complaint,
    fix: ["mend what git complains about and try again"],
    context: { command, exitCode: result.exitCode, stderr: complaint },
  });
}

/** What git wrote to standard error, when the error is one of `gitFailed`. */
export function complaintOf(error: unknown): string {
  const complaint = WorkspaceError.isInstance(error) ? error.context["stderr"] : undefined;
  return typeof complaint === "string" ? complaint : "";
}
