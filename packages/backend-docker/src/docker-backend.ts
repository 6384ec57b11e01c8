import { rm } from "node:fs/promises";
import { homedir } from "node:os";

import {
  noPowers,
  requireCapabilities,
  type Backend,
  type BackendCapabilities,
  type BackendContext,
  type CallOptions,
  type DoctorReport,
  type GuestProgram,
  type Sandbox,
  type SandboxId,
  type SandboxParts,
  type SandboxSpec,
  type SandboxSummary,
} from "@clauderon/core/contract";

import { bringUp } from "./container/bring-up.ts";
import { labels, ownLabels } from "./container/container-labels.ts";
import { inside } from "./container/container-places.ts";
import { backendId, DockerWorld } from "./container/docker-world.ts";
import { makeContainer } from "./container/make-container.ts";
import { Creations, type Creation } from "./creations.ts";
import { examineDocker } from "./docker-doctor.ts";
import { DockerSandbox, type DockerSandboxParts } from "./docker-sandbox.ts";
import type { DockerSettings } from "./docker-settings.ts";
import type { Machine } from "./endpoint/usual-sockets.ts";

export const dockerCapabilities: BackendCapabilities = {
  ...noPowers,
  isolation: "container",
  workspace: "mounted",
  terminal: "bytes",
  image: true,
  cpuLimit: true,
  memoryLimit: true,
  processLimit: true,
  pullPolicy: true,
  networkPolicy: true,
  channel: true,
};

export interface DockerBackendOptions extends DockerSettings {
  /** For sandboxes whose spec brings none. */
  readonly guest?: GuestProgram | undefined;
  /** Where the engine is looked for, and the user's own configuration; default: this machine. */
  readonly machine?: Machine | undefined;
}

/** Sessions in containers of a Docker engine of this machine. Synchronous, without I/O. */
export function createDockerBackend(context: BackendContext, options: DockerBackendOptions = {}): Backend {
  const { guest, machine, ...settings } = options;
  const here = { platform: process.platform, userHome: homedir(), environment: process.env };
  return new DockerBackend(new DockerWorld({ context, settings, guest, machine: machine ?? here }));
}

class DockerBackend implements Backend {
  readonly specificationVersion = "backend-v1";
  readonly backendId: string = backendId;
  readonly capabilities: BackendCapabilities = dockerCapabilities;
  readonly #world: DockerWorld;
  readonly #creations: Creations = new Creations();

  constructor(world: DockerWorld) {
    this.#world = world;
  }

  doctor(options?: CallOptions): Promise<DoctorReport> {
    const { guest } = this.#world;
    return examineDocker({ ...options, guest, connect: (call) => this.#world.connect(call) });
  }

  async create(spec: SandboxSpec, { signal }: CallOptions = {}): Promise<Sandbox> {
    requireCapabilities(backendId, dockerCapabilities, spec);
    return this.#creations.run(spec.sandboxId, (stop) => this.#create(spec, stop), signal);
  }

  async open(sandboxId: SandboxId, { signal, channel }: CallOptions & SandboxParts = {}): Promise<Sandbox | undefined> {
    signal?.throwIfAborted();
    const record = await this.#world.records.read(sandboxId);
    if (record !== undefined)
      return this.#handle({ sandboxId, name: record.name, hostPath: record.workspacePath, channel });
    const container = await this.#world.find({ sandboxId }, { signal });
    if (container === undefined) return undefined;
    const workspace = container.mounts.find(({ target }) => target === inside.workspace);
    const name = container.labels[labels.name] ?? "";
    return this.#handle({ sandboxId, name, hostPath: workspace?.source ?? "", channel });
  }

  async *list({ signal }: CallOptions = {}): AsyncGenerator<SandboxSummary, void, void> {
    signal?.throwIfAborted();
    const { instanceId, records } = this.#world;
    const known = await records.list();
    const containers = await this.#world.attempt("The sandboxes could not be listed", (engine) =>
      engine.listContainers(ownLabels(instanceId), { signal }),
    );
    const listed = new Set<string>();
    for (const { labels: found, state } of containers) {
      signal?.throwIfAborted();
      const sandboxId = found[labels.sandbox] ?? "";
      if (listed.has(sandboxId)) continue;
      listed.add(sandboxId);
      yield { sandboxId, name: found[labels.name] ?? "", state: summaryState(state) };
    }
    // Their containers were removed by somebody else, or not made yet.
    for (const { sandboxId, name } of known) if (!listed.has(sandboxId)) yield { sandboxId, name, state: "failed" };
  }

  close(): Promise<void> {
    return this.#world.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #handle(parts: Omit<DockerSandboxParts, "world">): Sandbox {
    return new DockerSandbox({ ...parts, world: this.#world });
  }

  async #create(spec: SandboxSpec, signal: AbortSignal): Promise<Creation> {
    const { sandboxId, name, environment, workspace } = spec;
    const world = this.#world;
    const [existing, before] = await Promise.all([world.find(spec, { signal }), world.records.read(sandboxId)]);
    let isNew = existing === undefined;
    try {
      if (existing === undefined) ({ isOwn: isNew } = await makeContainer(world, spec, signal));
      const isRunning = existing?.state === "running";
      await bringUp(world, { sandboxId, name, signal, environment: isRunning ? undefined : environment });
      world.environments.set(sandboxId, environment);
      await world.records.update(sandboxId, (record) =>
        record.state === "running" ? record : { ...record, state: "running" },
      );
      signal.throwIfAborted();
      const { channel } = spec;
      return { sandbox: this.#handle({ sandboxId, name, hostPath: workspace.hostPath ?? "", channel }), isNew };
    } catch (error) {
      if (isNew) await this.#takeBack(spec, before !== undefined);
      throw error;
    }
  }

  /** What is left of a creation that failed; what an earlier container of the sandbox has left stays. */
  async #takeBack({ sandboxId, name }: SandboxSpec, hadRecord: boolean): Promise<void> {
    const world = this.#world;
    try {
      const made = await world.find({ sandboxId, name });
      if (made !== undefined) await (await world.engine()).removeContainer(made.id);
    } catch (error) {
      // An engine that is gone cannot be asked; the container is found by its labels when it is back.
      world.context.logger.warn({ sandboxId, error }, "a container that failed could not be removed");
    }
    if (hadRecord) return;
    await world.forget(sandboxId);
    await rm(world.places(sandboxId).directory, { recursive: true, force: true, maxRetries: 5 });
    await world.records.remove(sandboxId);
  }
}

function summaryState(state: string): SandboxSummary["state"] {
  switch (state) {
    case "running":
      return "running";
    case "created":
    case "exited":
      return "stopped";
    case "dead":
      return "failed";
    default:
      return "unknown";
  }
}
