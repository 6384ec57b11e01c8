import { join } from "node:path";

import {
  SandboxError,
  type BackendContext,
  type CallOptions,
  type GuestProgram,
  type SandboxId,
} from "@clauderon/core/contract";
import { createSandboxRecords, type GuestClient, type SandboxRecords } from "@clauderon/terminal";

import type { DockerSettings } from "../docker-settings.ts";
import type { Machine } from "../endpoint/usual-sockets.ts";
import { connectEngine, type FoundEngine } from "../engine/connect-engine.ts";
import type { EngineClient } from "../engine/engine-client.ts";
import { EngineError } from "../engine/engine-error.ts";
import type { ContainerStatus } from "../engine/engine-types.ts";
import { mapDockerError } from "../engine/map-docker-error.ts";
import { Images } from "../image/images.ts";
import { containerName, isOurs, ownLabels } from "./container-labels.ts";
import { sandboxPlaces, type SandboxPlaces } from "./container-places.ts";
import { openGuestDoor } from "./guest-door.ts";

export const backendId = "docker";

export interface DockerWorldOptions {
  readonly context: BackendContext;
  readonly settings: DockerSettings;
  readonly machine: Machine;
  readonly guest: GuestProgram | undefined;
}

/** What the backend and the handles of its sandboxes share: the engine, the guests, and what is remembered on this machine. */
export class DockerWorld {
  readonly context: BackendContext;
  readonly settings: DockerSettings;
  readonly guest: GuestProgram | undefined;
  readonly records: SandboxRecords;
  readonly images: Images;
  /** Environments of sandboxes, in memory alone: a stopped one forgets its own. */
  readonly environments: Map<SandboxId, Readonly<Record<string, string>>> = new Map();
  readonly #machine: Machine;
  readonly #clients = new Map<SandboxId, Promise<GuestClient>>();
  #engine: Promise<FoundEngine> | undefined;

  constructor({ context, settings, machine, guest }: DockerWorldOptions) {
    this.context = context;
    this.settings = settings;
    this.guest = guest;
    this.#machine = machine;
    this.records = createSandboxRecords(this.#stateDirectory(), context.instanceId);
    this.images = new Images(machine, context.runner, context.logger);
  }

  get instanceId(): string {
    return this.context.instanceId;
  }

  places(sandboxId: SandboxId): SandboxPlaces {
    return sandboxPlaces(this.#stateDirectory(), sandboxId);
  }

  connect(options?: CallOptions): Promise<FoundEngine> {
    return connectEngine(this.#machine, { configured: this.settings.endpoint, ...options });
  }

  /** The engine, found once; again after it could not be reached. */
  async engine(): Promise<EngineClient> {
    this.#engine ??= this.connect();
    const finding = this.#engine;
    try {
      return (await finding).client;
    } catch (error) {
      if (this.#engine === finding) this.#engine = undefined;
      throw error;
    }
  }

  /** Runs what asks the engine; its errors are put into words. */
  async attempt<Value>(message: string, body: (engine: EngineClient) => Promise<Value>): Promise<Value> {
    const engine = await this.engine();
    try {
      return await body(engine);
    } catch (error) {
      if (error instanceof EngineError && error.status === undefined) this.#engine = undefined;
      throw mapDockerError(error, { message, socketPath: engine.socketPath });
    }
  }

  /** The sandbox's container, running or not, whatever it is called by now. */
  async find(
    { sandboxId, name }: { readonly sandboxId: SandboxId; readonly name?: string | undefined },
    options?: CallOptions,
  ): Promise<ContainerStatus | undefined> {
    return this.attempt("The sandbox could not be looked for", async (engine) => {
      if (name !== undefined) {
        const named = await engine.inspectContainer(containerName(name), options);
        if (named !== undefined && isOurs(named.labels, this.instanceId, sandboxId)) return named;
      }
      const [entry] = await engine.listContainers(ownLabels(this.instanceId, sandboxId), options);
      return entry === undefined ? undefined : engine.inspectContainer(entry.id, options);
    });
  }

  /** The guest's client: one for all handles of a sandbox. */
  async client(sandboxId: SandboxId, name: string): Promise<GuestClient> {
    const known = this.#clients.get(sandboxId);
    if (known !== undefined) return known;
    const opening = openGuestDoor({
      instanceId: this.instanceId,
      places: this.places(sandboxId),
      channel: this.settings.channel,
      engine: () => this.engine(),
      container: async () => {
        const found = await this.find({ sandboxId, name });
        return found?.state === "running" ? found : undefined;
      },
    });
    this.#clients.set(sandboxId, opening);
    opening.catch(() => this.#clients.delete(sandboxId));
    return opening;
  }

  /** Of a sandbox that is gone: its key, and with it its client, are worth nothing. */
  async forget(sandboxId: SandboxId): Promise<void> {
    const client = this.#clients.get(sandboxId);
    this.#clients.delete(sandboxId);
    this.environments.delete(sandboxId);
    await (await client?.catch(() => undefined))?.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients.keys()].map((sandboxId) => this.forget(sandboxId)));
  }

  #stateDirectory(): string {
    return join(this.context.homeDirectory, "state", backendId);
  }
}

export function sandboxGone(name: string): SandboxError {
  return new SandboxError({
    code: "sandbox.not-found",
    message: `The container ${containerName(name)} is gone`,
    fix: ["create the session anew, or start it: that makes another container"],
    context: { container: containerName(name) },
  });
}
