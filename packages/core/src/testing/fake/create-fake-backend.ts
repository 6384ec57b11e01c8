import { randomUUID } from "node:crypto";
import { access, constants, mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";

import type { Backend, BackendContext, SandboxSummary } from "../../contract/backend.ts";
import type { CallOptions } from "../../contract/call-options.ts";
import type { DoctorCheck, DoctorReport } from "../../contract/doctor-report.ts";
import { ClauderonError } from "../../contract/errors/clauderon-error.ts";
import { SandboxError } from "../../contract/errors/sandbox-error.ts";
import { silentLogger } from "../../contract/logger.ts";
import { requireCapabilities } from "../../contract/require-capabilities.ts";
import type { SandboxId, SandboxSpec } from "../../contract/sandbox-spec.ts";
import type { Sandbox } from "../../contract/sandbox.ts";
import { createCommandRunner, startKeeper, startKeeperHere, systemClock } from "../../host/index.ts";
import { loadPty } from "../../host/load-pty.ts";
import { FakeSandbox } from "./fake-sandbox.ts";
import { fakeCapabilities, fakeEnvironment, fakePlaces, type FakeShape } from "./fake-shape.ts";
import { type FakeRecord, FakeState, recordKeeper, writeRecord } from "./fake-state.ts";

/** A spec whose environment has it cannot be made; its value is the reason. */
const failVariable = "FAKE_BACKEND_FAIL";
const defaultInstanceId = "00000000-0000-4000-8000-00000000fa4e";

export interface FakeBackendOptions {
  /** What is absent gets a default: a fixed instance, no log, this machine's clock and commands. */
  readonly context: Pick<BackendContext, "homeDirectory"> & Partial<BackendContext>;
  readonly shape: FakeShape;
  /** Default `fake-<shape>`. */
  readonly backendId?: string | undefined;
  /** The keepers of sandboxes live in this process: sandboxes are made in no time, and do not outlive it. Default: a process for each. */
  readonly isInProcess?: boolean | undefined;
}

/**
 * A backend with real processes and nothing to install, for tests of what is built on backends. All it knows lies below
 * `state/<backendId>` of the home and in a keeper process per sandbox: any object in any process finds it again. A spec with `FAKE_BACKEND_FAIL`
 * in its environment makes `create` fail, with the value as the reason.
 */
export function createFakeBackend(options: FakeBackendOptions): Backend {
  return new FakeBackend(options);
}

class FakeBackend implements Backend {
  readonly specificationVersion = "backend-v1";
  readonly backendId: string;
  readonly capabilities: Backend["capabilities"];
  readonly #shape: FakeShape;
  readonly #context: BackendContext;
  readonly #state: FakeState;
  readonly #startKeeper: typeof startKeeper;

  constructor(options: FakeBackendOptions) {
    this.#shape = options.shape;
    this.#startKeeper = options.isInProcess === true ? startKeeperHere : startKeeper;
    this.backendId = options.backendId ?? `fake-${options.shape}`;
    this.capabilities = fakeCapabilities[options.shape];
    this.#context = {
      instanceId: defaultInstanceId,
      runner: createCommandRunner(),
      logger: silentLogger,
      clock: systemClock,
      ...options.context,
    };
    this.#state = new FakeState(this.#context.homeDirectory, this.backendId);
  }

  async doctor(options?: CallOptions): Promise<DoctorReport> {
    options?.signal?.throwIfAborted();
    const checks = [await this.#checkDirectory(), await checkTerminal()];
    const isUsable = checks.every((check) => check.status !== "failed");
    return { backendId: this.backendId, isUsable, version: process.version, checks };
  }

  async create(spec: SandboxSpec, options?: CallOptions): Promise<Sandbox> {
    requireCapabilities(this.backendId, this.capabilities, spec);
    options?.signal?.throwIfAborted();
    const existing = await this.open(spec.sandboxId);
    if (existing !== undefined) {
      const { state } = await existing.inspect();
      if (state !== "failed") {
        if (state === "stopped") await existing.start({ environment: spec.environment });
        return existing;
      }
      // Half-made, or without its keeper.
      if ((await this.#state.read(spec.sandboxId)) !== undefined) {
        await existing.start({ environment: spec.environment });
        return existing;
      }
      await existing.destroy({ graceMs: 0 });
    }
    await this.#refuseTaken(spec);
    try {
      await this.#make(spec, options?.signal);
    } catch (error) {
      if (options?.signal?.aborted === true || ClauderonError.isInstance(error)) throw error;
      throw startFailed(spec, error);
    }
    const made = await this.open(spec.sandboxId);
    if (made === undefined) throw startFailed(spec, new Error("it was destroyed meanwhile"));
    return made;
  }

  async open(sandboxId: SandboxId, options?: CallOptions): Promise<Sandbox | undefined> {
    options?.signal?.throwIfAborted();
    const whole = await this.#state.read(sandboxId);
    const record = whole ?? (await this.#state.all()).find((entry) => entry.record.sandboxId === sandboxId)?.record;
    return record?.instanceId === this.#context.instanceId ? this.#sandbox(record) : undefined;
  }

  async *list(options?: CallOptions): AsyncGenerator<SandboxSummary, void, undefined> {
    options?.signal?.throwIfAborted();
    for (const { record } of await this.#state.all()) {
      if (record.instanceId !== this.#context.instanceId) continue;
      const { state } = await this.#sandbox(record).inspect(options);
      if (state !== "missing") yield { sandboxId: record.sandboxId, name: record.name, state };
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #sandbox(record: FakeRecord): FakeSandbox {
    return new FakeSandbox({
      backendId: this.backendId,
      shape: this.#shape,
      state: this.#state,
      startKeeper: this.#startKeeper,
      record,
    });
  }

  async #refuseTaken(spec: SandboxSpec): Promise<void> {
    const other = (await this.#state.all()).find(
      ({ record }) => record.name === spec.name && record.sandboxId !== spec.sandboxId,
    );
    if (other === undefined) return;
    throw new SandboxError({
      code: "sandbox.name-taken",
      message: `There is a sandbox clauderon-${spec.name} already`,
      fix: ["choose another name", `or remove ${this.#state.sandboxDirectory(other.record.sandboxId)}`],
      context: { name: spec.name },
    });
  }

  /** Everything is made in a directory beside; its renaming is the one step that makes it a sandbox. */
  async #make(spec: SandboxSpec, signal: AbortSignal | undefined): Promise<void> {
    const { instanceId, runner } = this.#context;
    const { sandboxId, name, workspace } = spec;
    await this.#refuseWorkspace(spec);
    const final = this.#state.sandboxDirectory(sandboxId);
    const making = await this.#state.newDirectory(sandboxId);
    await using stack = new AsyncDisposableStack();
    stack.defer(() => rm(making, { recursive: true, force: true, maxRetries: 5 }));
    await writeRecord(making, { instanceId, sandboxId, name, workspace });
    const places = fakePlaces(this.#shape, final, workspace.hostPath);
    for (const directory of places.directories) await mkdir(directory.replace(final, making), { recursive: true });
    if (places.gitDirectory !== undefined && workspace.gitFile === undefined) {
      const git = places.gitDirectory.replace(final, making);
      const environment = { ...process.env, GIT_DIR: git, GIT_WORK_TREE: places.workspacePath };
      const { exitCode, stderr } = await runner.run("git", ["init", "--quiet"], { cwd: making, environment, signal });
      if (exitCode !== 0) throw new Error(stderr.trim());
    }
    signal?.throwIfAborted();
    using keeper = await this.#startKeeper({
      directory: final,
      marker: `${instanceId}/${sandboxId}`,
      workspacePath: places.workspacePath,
      environment: fakeEnvironment(this.#shape, { directory: final, places, spec }),
    });
    await recordKeeper(making, 1, keeper.address);
    signal?.throwIfAborted();
    // Late, when there is the most to take back.
    const wanted = spec.environment[failVariable];
    if (wanted !== undefined) throw startFailed(spec, new Error(wanted));
    try {
      await rename(making, final);
    } catch (error) {
      // Somebody made it meanwhile: theirs is the sandbox.
      if (["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) return;
      throw error;
    }
    keeper.release();
  }

  async #refuseWorkspace(spec: SandboxSpec): Promise<void> {
    if (this.#shape === "remote") return;
    const { hostPath } = spec.workspace;
    const isThere = hostPath !== undefined && (await isDirectory(hostPath));
    if (!isThere) throw startFailed(spec, new Error(`the workspace ${hostPath ?? ""} is no directory`));
  }

  async #checkDirectory(): Promise<DoctorCheck> {
    const { directory } = this.#state;
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await access(directory, constants.W_OK | constants.X_OK);
      return { id: "directory", status: "ok", message: `${directory} can be written` };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { id: "directory", status: "failed", message, fix: `make ${directory} writable` };
    }
  }
}

async function checkTerminal(): Promise<DoctorCheck> {
  try {
    await loadPty();
    return { id: "terminal", status: "ok", message: "terminals can be opened" };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { id: "terminal", status: "failed", message, fix: "npm install @lydell/node-pty" };
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return await stat(path).then(
    (status) => status.isDirectory(),
    () => false,
  );
}

function startFailed(spec: SandboxSpec, cause: unknown): SandboxError {
  return new SandboxError({
    message: `The sandbox clauderon-${spec.name} could not be made`,
    why: cause instanceof Error ? cause.message : String(cause),
    fix: ["mend the cause and start the session again"],
    context: { sandboxId: spec.sandboxId },
    cause,
  });
}

/** Puts a sandbox of another installation into the home, as if somebody else had made it. Disposing removes it. */
export async function plantForeignSandbox(options: FakeBackendOptions, name: string): Promise<AsyncDisposable> {
  const backendId = options.backendId ?? `fake-${options.shape}`;
  const directory = join(options.context.homeDirectory, "state", backendId, randomUUID());
  await mkdir(directory, { recursive: true });
  const sandboxId = directory.slice(-36);
  await writeRecord(directory, { instanceId: randomUUID(), sandboxId, name, workspace: {} });
  return { [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };
}
