import { lstat, mkdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

import { BackendError, SandboxError, type SandboxSpec } from "@clauderon/core/contract";

import { builtInImage, usualProcesses, type DockerSettings } from "../docker-settings.ts";
import type { ContainerBody } from "../engine/engine-client.ts";
import type { EngineClient } from "../engine/engine-client.ts";
import { hasStatus } from "../engine/engine-error.ts";
import type { ContainerStatus } from "../engine/engine-types.ts";
import type { WantedImage } from "../image/image-errors.ts";
import { channelKind } from "./channel-kind.ts";
import { containerName, isOurs, specLabels } from "./container-labels.ts";
import { checkLimits, type ContainerLimits } from "./container-limits.ts";
import { programDirectory } from "./container-places.ts";
import { containerSpec } from "./container-spec.ts";
import type { DockerWorld } from "./docker-world.ts";
import { makeGuestKey } from "./guest-door.ts";
import { sandboxUser } from "./sandbox-user.ts";

/** The container's id; `isOwn`: this call made it, and not another one at the same time. */
export interface MadeContainer {
  readonly id: string;
  readonly isOwn: boolean;
}

/** Makes the sandbox's container, with its image and its places on this machine; starts nothing. */
export async function makeContainer(
  world: DockerWorld,
  spec: SandboxSpec,
  signal: AbortSignal,
): Promise<MadeContainer> {
  const { name, sandboxId } = spec;
  const programs = programsFor(world, spec);
  await requireWorkspace(spec);
  return world.attempt(`The container of ${name} could not be made`, async (engine) => {
    const limits = limitsOf(spec, world.settings);
    checkLimits(limits, engine.facts);
    refuseTaken(world, spec, await engine.inspectContainer(containerName(name), { signal }));
    const policy = spec.pullPolicy ?? world.settings.pullPolicy ?? "if-not-present";
    const { whole: image } = await world.images.ensure(engine, imageOf(spec, world.settings), { policy, signal });
    const { canLimitProcesses } = engine.facts;
    const processes = limits.processes ?? (canLimitProcesses ? usualProcesses : undefined);
    const places = world.places(sandboxId);
    const body = containerSpec({
      spec,
      image,
      labels: specLabels(world.instanceId, spec, image),
      places,
      programs: programs(engine),
      user: sandboxUser(engine.facts, { uid: process.getuid?.() ?? usualUser, gid: process.getgid?.() ?? usualUser }),
      limits: { ...limits, processes },
      channelKind: channelKind(world.settings, engine.facts, spec.channel),
      facts: engine.facts,
    });
    // First, so that what a crash leaves is found again.
    await remember(world, spec);
    await makeGuestKey(places);
    for (const place of [places.run, places.home]) await mkdir(place, { recursive: true, mode: 0o700 });
    signal.throwIfAborted();
    return createOrAdopt(world, { engine, spec, body });
  });
}

/** On Windows, where the files of mounts belong to whoever asks. */
const usualUser = 1000;

function programsFor({ guest }: DockerWorld, spec: SandboxSpec): (engine: EngineClient) => string {
  const program = spec.guest ?? guest;
  if (program === undefined) {
    throw new BackendError({
      message: "The docker backend was given no program to run inside containers",
      fix: ["give createDockerBackend a guest: createGuestProgram of @clauderon/guest"],
    });
  }
  return ({ facts }) =>
    programDirectory(program.pathFor({ os: "linux", architecture: facts.architecture === "arm64" ? "arm64" : "x64" }));
}

async function requireWorkspace({ name, workspace }: SandboxSpec): Promise<void> {
  const { hostPath } = workspace;
  const status = hostPath === undefined ? undefined : await lstat(hostPath).catch(() => undefined);
  if (status?.isDirectory()) return;
  throw new SandboxError({
    message: `The workspace ${hostPath ?? "of the session"} is not a directory of this machine`,
    fix: ["restore it, or create the session anew"],
    context: { name },
  });
}

function limitsOf({ limits }: SandboxSpec, settings: DockerSettings): ContainerLimits {
  return {
    cpus: limits?.cpus ?? settings.cpus,
    memoryBytes: limits?.memoryBytes ?? settings.memoryBytes,
    processes: limits?.processes ?? settings.processes,
  };
}

function imageOf({ image }: SandboxSpec, { defaultImage, defaultImageOrigin }: DockerSettings): WantedImage {
  if (image !== undefined) return { reference: image, origin: "--image" };
  if (defaultImage === undefined) return { reference: builtInImage, origin: "the built-in default" };
  return { reference: defaultImage, origin: defaultImageOrigin ?? "docker.default_image in config.toml" };
}

/** What remains of the sandbox on this machine, for as long as it lives. */
async function remember(world: DockerWorld, { sandboxId, name, workspace }: SandboxSpec): Promise<void> {
  if ((await world.records.read(sandboxId)) !== undefined) return;
  await world.records.write({
    sandboxId,
    instanceId: world.instanceId,
    name,
    workspacePath: workspace.hostPath ?? "",
    state: "running",
    launches: [],
  });
}

interface Creating {
  readonly engine: EngineClient;
  readonly spec: SandboxSpec;
  readonly body: ContainerBody;
}

/** Never broken off in between: the engine would make it all the same, and nobody would know. */
async function createOrAdopt(world: DockerWorld, { engine, spec, body }: Creating): Promise<MadeContainer> {
  const name = containerName(spec.name);
  const deadline = performance.now() + longestConflictMs;
  for (;;) {
    try {
      const { id, warnings } = await engine.createContainer(name, body);
      for (const warning of warnings) world.context.logger.warn({ container: name, warning }, "Docker warns");
      return { id, isOwn: true };
    } catch (error) {
      if (!hasStatus(error, 409)) throw error;
      const other = await engine.inspectContainer(name);
      refuseTaken(world, spec, other);
      if (other !== undefined) return { id: other.id, isOwn: false };
      // The engine keeps the name of one that it is making or removing, and does not show it.
      if (performance.now() > deadline) throw error;
      await delay(conflictPauseMs);
    }
  }
}

const longestConflictMs = 30_000;
const conflictPauseMs = 50;

function refuseTaken(world: DockerWorld, spec: SandboxSpec, other: ContainerStatus | undefined): void {
  if (other === undefined || isOurs(other.labels, world.instanceId, spec.sandboxId)) return;
  const name = containerName(spec.name);
  throw new SandboxError({
    code: "sandbox.name-taken",
    message: `There is a container ${name} already, and it is not this session's`,
    why: Object.keys(other.labels).some((label) => label.startsWith("dev.clauderon."))
      ? "it belongs to another session or another installation of clauderon"
      : "somebody made it by hand",
    fix: ["choose another name for the session", `or remove it: docker rm --force ${name}`],
    context: { container: name },
  });
}
