import { mkdir, readFile, rm } from "node:fs/promises";
import path from "node:path";

import type { CallOptions } from "../contract/call-options.ts";
import type { Clock } from "../contract/clock.ts";
import { ClauderonError } from "../contract/errors/clauderon-error.ts";
import { OperationError } from "../contract/errors/operation-error.ts";
import { WorkspaceError } from "../contract/errors/workspace-error.ts";
import type { ProcessExit, ProcessHandle } from "../contract/process.ts";
import type { Sandbox } from "../contract/sandbox.ts";
import type { SessionState } from "../contract/session-state.ts";
import { replaceFile } from "../host/replace-file.ts";
import { maxSetupScriptBytes, setupHash, setupScriptPath, type SetupTrust } from "../host/setup-trust.ts";
import { SetupLog } from "./setup-log.ts";

export interface SessionSetupOptions {
  readonly homeDirectory: string;
  readonly trust: SetupTrust;
  readonly clock: Clock;
  /** Of the user's configuration. */
  readonly command: string | undefined;
  readonly timeoutMs: number;
}

interface SetupCall extends CallOptions {
  readonly sandbox: Sandbox;
}

interface SetupCommand {
  /** As it is called in sentences. */
  readonly title: string;
  readonly argv: readonly [string, ...string[]];
}

const OWNER_MAY_EXECUTE = 0o100;

/** Makes a new workspace ready before its agent starts: the user's own command, then the repository's script once its content is trusted. */
export class SessionSetup {
  readonly #options: SessionSetupOptions;

  constructor(options: SessionSetupOptions) {
    this.#options = options;
  }

  /** Sentences about what was done. Run again for the same operation, it answers the same, or rejects when it was cut off in the middle. */
  async run(state: SessionState, call: SetupCall): Promise<readonly string[]> {
    const marker = path.join(this.#options.homeDirectory, "state", "sessions", state.id, "setup");
    const operationId = state.operation?.operationId ?? "";
    const [markedId, ...notices] = (await readIfThere(marker))?.split("\n") ?? [];
    if (markedId === `${operationId} done`) return notices;
    if (markedId === `${operationId} begun`) throw interrupted(state);
    const { commands, skipped } = await this.#commands(state, call);
    if (commands.length === 0) return skipped;
    await mkdir(path.dirname(marker), { recursive: true, mode: 0o700 });
    await replaceFile(marker, `${operationId} begun`);
    const told = [...(await this.#runAll(state, commands, call)), ...skipped];
    await replaceFile(marker, [`${operationId} done`, ...told].join("\n"));
    return told;
  }

  /** Removes the log. Idempotent. */
  async forget(id: string): Promise<void> {
    await rm(this.#logPath(id), { force: true });
  }

  #logPath(id: string): string {
    return path.join(this.#options.homeDirectory, "logs", "setup", `${id}.log`);
  }

  async #commands(
    state: SessionState,
    call: SetupCall,
  ): Promise<{ readonly commands: readonly SetupCommand[]; readonly skipped: readonly string[] }> {
    const { command } = this.#options;
    const own: readonly SetupCommand[] =
      command === undefined ? [] : [{ title: "workspace.setup", argv: ["sh", "-c", command] }];
    const script = await this.#script(state, call);
    if (script === undefined) return { commands: own, skipped: [] };
    return typeof script === "string"
      ? { commands: own, skipped: [script] }
      : { commands: [...own, script], skipped: [] };
  }

  /** The repository's own, when it may run; a sentence when it may not. */
  async #script(state: SessionState, { sandbox, signal }: SetupCall): Promise<SetupCommand | string | undefined> {
    const { trust, clock } = this.#options;
    const place = path.posix.join(sandbox.workspacePath, setupScriptPath);
    const status = await absentAsUndefined(sandbox.files.stat(place, { signal }));
    if (status === undefined) return undefined;
    if (status.kind !== "file" || status.sizeBytes > maxSetupScriptBytes)
      return `${setupScriptPath} was not run: it is no regular file of at most ${maxSetupScriptBytes / 1024 / 1024} MiB`;
    const hash = setupHash(await sandbox.files.read(place, { signal }));
    if (!(await trust.has(hash))) {
      if (state.workspaceRequest.isSetupTrusted !== true) return untrusted(state, hash);
      await trust.add({ hash, repository: state.workspace.repositoryPath, at: clock.now().toISOString() });
    }
    const isProgram = (status.mode & OWNER_MAY_EXECUTE) !== 0;
    return { title: setupScriptPath, argv: isProgram ? [place] : ["sh", place] };
  }

  async #runAll(state: SessionState, commands: readonly SetupCommand[], call: SetupCall): Promise<readonly string[]> {
    await using log = await SetupLog.open(this.#logPath(state.id));
    const told: string[] = [];
    for (const command of commands) {
      call.signal?.throwIfAborted();
      const startedMs = this.#options.clock.monotonicMs();
      const exit = await this.#runOne(command, call, log);
      call.signal?.throwIfAborted();
      if (exit.exitCode !== 0 || exit.isTimedOut) throw this.#failed(state, { command, exit, log });
      const seconds = ((this.#options.clock.monotonicMs() - startedMs) / 1000).toFixed(1);
      told.push(`${command.title} ran in ${seconds} s; its output: ${log.path}`);
    }
    return told;
  }

  async #runOne({ argv }: SetupCommand, { sandbox, signal }: SetupCall, log: SetupLog): Promise<ProcessExit> {
    const process = await sandbox.exec(argv, { signal, timeoutMs: this.#options.timeoutMs });
    const kill = (): void => void end(process);
    signal?.addEventListener("abort", kill, { once: true });
    if (signal?.aborted === true) kill();
    try {
      await Promise.all([log.drain(process.stdout), log.drain(process.stderr)]);
      return await process.exit;
    } finally {
      signal?.removeEventListener("abort", kill);
    }
  }

  #failed(
    state: SessionState,
    { command, exit, log }: { readonly command: SetupCommand; readonly exit: ProcessExit; readonly log: SetupLog },
  ): WorkspaceError {
    const how = exit.isTimedOut
      ? `took longer than ${this.#options.timeoutMs / 1000} s and was ended`
      : `failed with exit code ${exit.exitCode}`;
    const tail = log.tail();
    return new WorkspaceError({
      code: "workspace.setup-failed",
      message: `The setup of session ${state.name} (${command.title}) ${how}`,
      why: tail === "" ? "it printed nothing" : tail,
      fix: [
        `mend it and go on: clauderon start ${state.name}`,
        ...(exit.isTimedOut ? ["or give it more time: clauderon config set workspace.setup_timeout 30m"] : []),
        `all it printed: ${log.path}`,
      ],
      context: { session: state.name, exitCode: exit.exitCode, log: log.path },
    });
  }
}

/** Its whole process group. That it has ended already is as good. */
async function end(process: ProcessHandle): Promise<void> {
  try {
    await process.kill("SIGKILL");
  } catch {
    // The sandbox is taken down next, and with it every process that is left.
  }
}

function untrusted(state: SessionState, hash: string): string {
  const { path: workspace } = state.workspace;
  return (
    `${setupScriptPath} of the repository was not run: nobody has trusted it yet (sha256 ${hash.slice(0, 12)}…). ` +
    `Read and trust it: clauderon trust ${workspace}; then run it here: clauderon exec ${state.name} -- sh ${setupScriptPath}`
  );
}

function interrupted(state: SessionState): OperationError {
  return new OperationError({
    code: "operation.interrupted",
    message: `The setup of session ${state.name} was interrupted`,
    why: "clauderon's daemon ended in the middle of it",
    fix: [`run it again and start the agent: clauderon start ${state.name}`],
  });
}

async function absentAsUndefined<Value>(looking: Promise<Value>): Promise<Value | undefined> {
  try {
    return await looking;
  } catch (error) {
    if (ClauderonError.isInstance(error, "file.not-found")) return undefined;
    throw error;
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
