// @ts-check
// A whole backend in one file. A sandbox is a directory below clauderon's home, a keeper process that owns the agent's terminal, and whatever
// runs with the sandbox's marker in its environment. The workspace is used where it lies.
import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

import {
  AgentError,
  noPowers,
  requireCapabilities,
  SandboxError,
  SettingsError,
  unsupportedPowers,
} from "@clauderon/core/contract";
import {
  abortable,
  createDirectoryFiles,
  createKeeperClient,
  endMarkedProcesses,
  KeeperGoneError,
  markerVariable,
  spawnProcess,
  startKeeper,
} from "@clauderon/core/host";

/** @import { Backend, BackendContext, BackendCapabilities, Sandbox, SandboxSpec } from "@clauderon/core/contract" */
/** @import { KeeperClient } from "@clauderon/core/host" */
/** @typedef {{ instanceId: string, sandboxId: string, name: string, workspacePath: string }} SandboxRecord */
/** @typedef {{ context: BackendContext, directory: string, keptOutputBytes: number | undefined }} Place */

const backendId = "processes";
const recordFile = "sandbox.json";
const defaultGraceMs = 10_000;

/** @type {BackendCapabilities} */
const capabilities = {
  isolation: "none",
  workspace: "host",
  terminal: "bytes",
  ...noPowers,
};

/**
 * What clauderon calls for `[backends.NAME] module = "clauderon-backend-processes"`; `settings` is the rest of that table.
 * @param {BackendContext} context
 * @param {Readonly<Record<string, unknown>>} settings
 * @returns {Backend}
 */
export function createBackend(context, settings) {
  const directory = join(context.homeDirectory, "state", backendId);
  /** @type {Place} */
  const place = { context, directory, keptOutputBytes: readSettings(settings) };
  /** @type {Backend["open"]} */
  const open = async (sandboxId, options) => {
    options?.signal?.throwIfAborted();
    const record = await readRecord(join(directory, sandboxId));
    return record?.instanceId === context.instanceId ? openSandbox(place, record) : undefined;
  };
  return {
    specificationVersion: "backend-v1",
    backendId,
    capabilities,
    open,

    async doctor(options) {
      options?.signal?.throwIfAborted();
      const made = mkdir(directory, { recursive: true, mode: 0o700 });
      const problem = await made.then(() => undefined, String);
      return {
        backendId,
        isUsable: problem === undefined,
        version: process.version,
        checks: [
          problem === undefined
            ? { id: "directory", status: "ok", message: `${directory} can be used` }
            : { id: "directory", status: "failed", message: problem, fix: `make ${directory} a writable directory` },
        ],
      };
    },

    async create(spec, options) {
      requireCapabilities(backendId, capabilities, spec);
      options?.signal?.throwIfAborted();
      if ((await open(spec.sandboxId)) === undefined) await makeSandbox(place, spec, options?.signal);
      const sandbox = await open(spec.sandboxId);
      if (sandbox === undefined) throw startFailed(spec, "it was destroyed meanwhile");
      const { state } = await sandbox.inspect();
      if (state !== "running") await sandbox.start({ environment: spec.environment });
      return sandbox;
    },

    async *list(options) {
      options?.signal?.throwIfAborted();
      for (const record of await readRecords(place)) {
        if (record.instanceId !== context.instanceId) continue;
        const { state } = await openSandbox(place, record).inspect();
        if (state !== "missing") yield { sandboxId: record.sandboxId, name: record.name, state };
      }
    },

    // Nothing is held open between calls.
    close: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/**
 * Unknown and ill-typed settings are refused: nothing is silently left out.
 * @param {Readonly<Record<string, unknown>>} settings
 * @returns {number | undefined}
 */
function readSettings(settings) {
  const { kept_output_bytes: kept, ...unknown } = settings;
  const [name] = Object.keys(unknown);
  const fix = /** @type {const} */ (["the only setting is kept_output_bytes, a whole number of at least 1"]);
  if (name !== undefined) throw new SettingsError({ message: `The ${backendId} backend has no setting ${name}`, fix });
  if (kept === undefined) return undefined;
  if (typeof kept === "number" && Number.isInteger(kept) && kept >= 1) return kept;
  throw new SettingsError({ message: "kept_output_bytes is no whole number of at least 1", fix });
}

/**
 * Everything is made in a directory beside; its renaming is the one step that makes it a sandbox. Whoever comes second finds the first one's.
 * @param {Place} place
 * @param {SandboxSpec} spec
 * @param {AbortSignal | undefined} signal
 */
async function makeSandbox(place, spec, signal) {
  const { context, directory, keptOutputBytes } = place;
  const workspacePath = spec.workspace.hostPath;
  if (workspacePath === undefined || !(await exists(`${workspacePath}/.`))) {
    throw startFailed(spec, `the workspace ${workspacePath ?? ""} is no directory`);
  }
  const others = (await readRecords(place)).filter((record) => record.sandboxId !== spec.sandboxId);
  if (others.some((record) => record.name === spec.name)) {
    throw new SandboxError({
      code: "sandbox.name-taken",
      message: `There is a sandbox named ${spec.name} already`,
      fix: ["choose another name"],
    });
  }
  const final = join(directory, spec.sandboxId);
  const making = join(directory, `.making-${randomUUID()}`);
  await mkdir(making, { recursive: true, mode: 0o700 });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(making, { recursive: true, force: true }));
  const { instanceId } = context;
  const { sandboxId, name } = spec;
  await writeJson(join(making, recordFile), { instanceId, sandboxId, name, workspacePath });
  const marker = `${instanceId}/${sandboxId}`;
  using keeper = await startKeeper({
    directory: final,
    marker,
    workspacePath,
    environment: spec.environment,
    keptOutputBytes,
  });
  await writeJson(join(making, "keeper.json"), keeper.address);
  signal?.throwIfAborted();
  try {
    await rename(making, final);
    keeper.release();
  } catch (error) {
    if (!["ENOTEMPTY", "EEXIST"].includes(String(/** @type {NodeJS.ErrnoException} */ (error).code))) throw error;
  }
}

/**
 * A handle: all it says is looked up at each call.
 * @param {Place} place
 * @param {SandboxRecord} record
 * @returns {Sandbox}
 */
function openSandbox(place, record) {
  const { sandboxId, name, workspacePath } = record;
  const directory = join(place.directory, sandboxId);
  const stoppedFile = join(directory, "stopped");
  const launchesFile = join(directory, "launches.json");
  const marker = `${record.instanceId}/${sandboxId}`;

  /**
   * What the keeper answers; `undefined` when it has died.
   * @template Value
   * @param {(keeper: KeeperClient) => Promise<Value>} ask
   * @returns {Promise<Value | undefined>}
   */
  const askKeeper = async (ask) => {
    const address = await readJson(join(directory, "keeper.json"));
    if (address === undefined) return undefined;
    try {
      return await ask(createKeeperClient(address));
    } catch (error) {
      if (error instanceof KeeperGoneError) return undefined;
      throw error;
    }
  };

  const refuseMissing = async () => {
    if (await exists(directory)) return;
    throw new SandboxError({
      code: "sandbox.not-found",
      message: `The sandbox ${name} is gone`,
      fix: ["create the session anew"],
    });
  };

  /**
   * For what only a running sandbox can do.
   * @template Value
   * @param {(keeper: KeeperClient) => Promise<Value>} ask
   * @returns {Promise<Value>}
   */
  const askRunning = async (ask) => {
    await refuseMissing();
    const isStopped = await exists(stoppedFile);
    const answer = isStopped ? undefined : await askKeeper(async (keeper) => ({ value: await ask(keeper) }));
    if (answer !== undefined) return answer.value;
    throw new SandboxError({
      code: "sandbox.not-running",
      message: `The sandbox ${name} is not running`,
      fix: ["start the session"],
    });
  };

  /** @returns {Promise<import("@clauderon/core/contract").AgentProcessStatus>} */
  const lostAgent = async () => {
    /** @type {string | undefined} */
    const launchId = (await readJson(launchesFile))?.at(-1);
    return launchId === undefined ? { state: "none" } : { state: "lost", launchId };
  };

  /** @param {number} graceMs */
  const end = async (graceMs) => {
    await writeFile(stoppedFile, "");
    const agent = await askKeeper(async (keeper) => {
      await keeper.suspend();
      return (await keeper.status()).agent;
    });
    const isRunning = agent?.state === "running" && agent.processId !== undefined;
    await endMarkedProcesses(marker, { graceMs, leaders: isRunning ? [Number(agent.processId)] : [] });
    if (isRunning) await askKeeper((keeper) => keeper.exit());
  };

  return {
    sandboxId,
    name,
    workspacePath,
    files: createDirectoryFiles({ root: workspacePath }),
    ...unsupportedPowers(backendId),

    async inspect(options) {
      options?.signal?.throwIfAborted();
      const egress = "open";
      if (!(await exists(directory))) return { state: "missing", agent: { state: "none" }, egress };
      const status = await askKeeper((keeper) => keeper.status(options));
      const agent = status?.agent ?? (await lostAgent());
      if (await exists(stoppedFile)) return { state: "stopped", agent, egress };
      if (status !== undefined) return { state: "running", agent, egress };
      return { state: "failed", agent, egress, reason: "the process that kept the terminal has died" };
    },

    async start(options) {
      options?.signal?.throwIfAborted();
      await refuseMissing();
      const environment = options?.environment;
      const isKept = await askKeeper(async (keeper) => {
        await keeper.resume(environment);
        return true;
      });
      if (isKept !== true) {
        await endMarkedProcesses(marker, { graceMs: 0 });
        using keeper = await startKeeper({
          directory,
          marker,
          workspacePath,
          // The environment was in the dead keeper's memory alone.
          environment: environment ?? { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "" },
          keptOutputBytes: place.keptOutputBytes,
        });
        await writeJson(join(directory, "keeper.json"), keeper.address);
        keeper.release();
      }
      await rm(stoppedFile, { force: true });
    },

    async stop(options) {
      options?.signal?.throwIfAborted();
      if (await exists(directory)) await abortable(end(options?.graceMs ?? defaultGraceMs), options?.signal);
    },

    async destroy(options) {
      options?.signal?.throwIfAborted();
      const destroy = async () => {
        if (!(await exists(directory))) return;
        await end(options?.graceMs ?? defaultGraceMs);
        await askKeeper((keeper) => keeper.shutdown());
        await rm(directory, { recursive: true, force: true, maxRetries: 5 });
      };
      await abortable(destroy(), options?.signal);
    },

    async exec(argv, options) {
      options?.signal?.throwIfAborted();
      const environment = await askRunning((keeper) => keeper.environment(options));
      const handle = await spawnProcess(argv, {
        ...options,
        cwd: resolve(workspacePath, options?.cwd ?? "."),
        environment: { ...environment, ...options?.environment, [markerVariable]: marker },
      });
      // A stop that began meanwhile has not seen it.
      if (await exists(stoppedFile)) await handle.kill("SIGKILL");
      return handle;
    },

    async startAgent(launch, options) {
      options?.signal?.throwIfAborted();
      /** @type {string[]} */
      const known = (await readJson(launchesFile)) ?? [];
      const isKnown = known.includes(launch.launchId);
      // Before the start, so that a crash in between can never start it twice.
      if (!isKnown) await askRunning(() => writeJson(launchesFile, [...known, launch.launchId]));
      try {
        return await askRunning((keeper) => keeper.launch(launch, isKnown, options));
      } catch (error) {
        if (!isKnown) await writeJson(launchesFile, known);
        throw error;
      }
    },

    async agentTerminal(options) {
      options?.signal?.throwIfAborted();
      await refuseMissing();
      const terminal = await askKeeper((keeper) => keeper.terminal(options));
      if (terminal !== undefined) return terminal;
      throw new AgentError({ code: "agent.ended", message: "The terminal is gone", fix: ["start the session again"] });
    },

    async agentText(options) {
      options?.signal?.throwIfAborted();
      return (await askKeeper((keeper) => keeper.text(options?.lines ?? 1000, options))) ?? "";
    },

    async agentExit(options) {
      options?.signal?.throwIfAborted();
      return (await askKeeper((keeper) => keeper.exit(options))) ?? (await lostAgent());
    },

    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** @type {(place: Place) => Promise<SandboxRecord[]>} */
const readRecords = async ({ directory }) => {
  const names = (await readdir(directory).catch(() => [])).filter((name) => !name.startsWith("."));
  const records = await Promise.all(names.map((name) => readRecord(join(directory, name))));
  return records.filter((record) => record !== undefined);
};

/** @type {(directory: string) => Promise<SandboxRecord | undefined>} */
const readRecord = (directory) => readJson(join(directory, recordFile));

/** @type {(path: string) => Promise<any>} */
const readJson = async (path) => {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    // Missing, or cut off by a crash: as good as not there.
    return undefined;
  }
};

/** @type {(path: string, value: unknown) => Promise<void>} */
const writeJson = async (path, value) => {
  const temporary = `${path}.${randomUUID()}`;
  await writeFile(temporary, JSON.stringify(value), { mode: 0o600 });
  await rename(temporary, path);
};

/** @type {(path: string) => Promise<boolean>} */
const exists = async (path) => (await stat(path).catch(() => undefined)) !== undefined;

/** @type {(spec: SandboxSpec, why: string) => SandboxError} */
const startFailed = (spec, why) =>
  new SandboxError({ message: `No sandbox ${spec.name}`, why, fix: ["mend the cause"] });
