import { stat } from "node:fs/promises";

import {
  type Backend,
  type BackendCapabilities,
  type BackendContext,
  type CallOptions,
  type DoctorReport,
  noPowers,
  requireCapabilities,
  type Sandbox,
  SandboxError,
  type SandboxId,
  type SandboxSpec,
  type SandboxSummary,
} from "@clauderon/core/contract";

import { AgentWatch } from "./agent-watch.ts";
import type { SandboxHost } from "./sandbox-host.ts";
import { type SandboxRecord, SandboxRecords } from "./sandbox-records.ts";
import { ZellijCommand } from "./zellij-command.ts";
import { examineZellij } from "./zellij-doctor.ts";
import {
  commandEnvironment,
  excessSocketBytes,
  socketPath,
  withoutPaneVariables,
  zellijPlaces,
} from "./zellij-environment.ts";
import { nameTaken, zellijSessionName } from "./zellij-errors.ts";
import { zellijGate } from "./zellij-gate.ts";
import { ZellijProgram } from "./zellij-program.ts";
import { ZellijSandbox } from "./zellij-sandbox.ts";
import { ZellijSession } from "./zellij-session.ts";
import type { ZellijSettings } from "./zellij-settings.ts";

const capabilities: BackendCapabilities = {
  isolation: "none",
  workspace: "host",
  terminal: "screen",
  ...noPowers,
};

/** Sessions that are zellij sessions `clauderon-<name>` of the user. */
export class ZellijBackend implements Backend {
  readonly specificationVersion = "backend-v1";
  readonly backendId = "zellij";
  readonly capabilities: BackendCapabilities = capabilities;
  readonly #context: BackendContext;
  readonly #program: ZellijProgram;
  readonly #records: SandboxRecords;
  readonly #host: SandboxHost;
  readonly #watch = new AgentWatch();
  readonly #gate = zellijGate;
  readonly #creating = new Map<SandboxId, Promise<unknown>>();

  constructor(context: BackendContext, settings: ZellijSettings, host: SandboxHost) {
    this.#context = context;
    this.#program = new ZellijProgram(context, settings.program);
    this.#records = new SandboxRecords(context);
    this.#host = host;
  }

  async doctor(options?: CallOptions): Promise<DoctorReport> {
    options?.signal?.throwIfAborted();
    const places = zellijPlaces(process.env, process.env);
    return await examineZellij({
      backendId: this.backendId,
      program: this.#program,
      places,
      command: (path) => this.#command(path, places),
      signal: options?.signal,
    });
  }

  async create(spec: SandboxSpec, options?: CallOptions): Promise<Sandbox> {
    options?.signal?.throwIfAborted();
    requireCapabilities(this.backendId, capabilities, spec);
    const before = this.#creating.get(spec.sandboxId) ?? Promise.resolve();
    const creating = before.then(
      () => this.#create(spec, options),
      () => this.#create(spec, options),
    );
    this.#creating.set(spec.sandboxId, creating);
    try {
      return await creating;
    } finally {
      if (this.#creating.get(spec.sandboxId) === creating) this.#creating.delete(spec.sandboxId);
    }
  }

  async open(sandboxId: SandboxId, options?: CallOptions): Promise<Sandbox | undefined> {
    options?.signal?.throwIfAborted();
    const record = await this.#records.read(sandboxId);
    return record === undefined ? undefined : this.#sandbox(record, await this.#program.usable());
  }

  async *list(options?: CallOptions): AsyncGenerator<SandboxSummary, void, undefined> {
    options?.signal?.throwIfAborted();
    for (const { sandboxId, name } of await this.#records.all()) {
      options?.signal?.throwIfAborted();
      yield { sandboxId, name, state: await this.#state(sandboxId, options) };
    }
  }

  async close(): Promise<void> {
    await this.#host.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #create(spec: SandboxSpec, options?: CallOptions): Promise<Sandbox> {
    options?.signal?.throwIfAborted();
    const workspacePath = await existingWorkspace(spec);
    const program = await this.#program.usable();
    const { sandboxId, name } = spec;
    const environment = withoutPaneVariables(spec.environment);
    const known = await this.#records.read(sandboxId);
    if (known !== undefined) {
      const state = await this.#host.state(sandboxId, options);
      if (state !== "running" && !(await this.#records.isStopped(sandboxId))) {
        await this.#host.open({ sandboxId, name, workspacePath, environment });
      }
      return this.#sandbox(known, program);
    }
    const record: SandboxRecord = {
      sandboxId,
      instanceId: this.#context.instanceId,
      name,
      workspacePath,
      places: zellijPlaces(environment, process.env),
    };
    refuseLongPath(record);
    await this.#refuseTakenName(record, program, options);
    await this.#records.write(record);
    try {
      options?.signal?.throwIfAborted();
      await this.#host.open({ sandboxId, name, workspacePath, environment });
      options?.signal?.throwIfAborted();
      return this.#sandbox(record, program);
    } catch (error) {
      await this.#host.remove(sandboxId);
      await this.#records.remove(sandboxId);
      throw error;
    }
  }

  async #refuseTakenName(record: SandboxRecord, program: string, options?: CallOptions): Promise<void> {
    const others = await this.#records.all();
    if (others.some(({ name, sandboxId }) => name === record.name && sandboxId !== record.sandboxId)) {
      throw nameTaken(record.name, false);
    }
    const command = this.#command(program, record.places);
    const session = new ZellijSession(record, command, this.#records.directory(record.sandboxId));
    const owner = await session.owner(undefined, options);
    if (owner === "foreign" || owner === "exited-foreign") throw nameTaken(record.name, owner === "exited-foreign");
  }

  async #state(sandboxId: SandboxId, options?: CallOptions): Promise<SandboxSummary["state"]> {
    const state = await this.#host.state(sandboxId, options);
    if (state !== "absent") return state;
    return (await this.#records.isStopped(sandboxId)) ? "stopped" : "failed";
  }

  #sandbox(record: SandboxRecord, program: string): Sandbox {
    return new ZellijSandbox({
      context: this.#context,
      record,
      records: this.#records,
      program,
      host: this.#host,
      watch: this.#watch,
      gate: this.#gate,
    });
  }

  #command(program: string, places: SandboxRecord["places"]): ZellijCommand {
    const environment = commandEnvironment(places, process.env);
    return new ZellijCommand({ runner: this.#context.runner, program, environment, gate: this.#gate });
  }
}

async function existingWorkspace(spec: SandboxSpec): Promise<string> {
  const { hostPath } = spec.workspace;
  const status = hostPath === undefined ? undefined : await stat(hostPath).catch(() => undefined);
  if (hostPath !== undefined && status?.isDirectory() === true) return hostPath;
  throw new SandboxError({
    message: `The workspace of ${spec.name} is not there`,
    why: hostPath === undefined ? "no directory was named" : `${hostPath} is no directory`,
    fix: ["create the session anew"],
    context: { sandboxId: spec.sandboxId, hostPath },
  });
}

function refuseLongPath(record: SandboxRecord): void {
  const session = zellijSessionName(record.name);
  const excess = excessSocketBytes(record.places, session);
  if (excess <= 0) return;
  throw new SandboxError({
    message: `The name ${record.name} is too long for zellij here`,
    why: `the path of its socket would be ${String(excess)} bytes too long: ${socketPath(record.places, session)}`,
    fix: [
      `choose a name that is ${String(excess)} characters shorter`,
      "or set ZELLIJ_SOCKET_DIR to a shorter directory: export ZELLIJ_SOCKET_DIR=/tmp/z",
      "or use the built-in backend: --backend local",
    ],
    context: { session, excess },
  });
}
