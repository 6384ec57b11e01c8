import { mkdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

import { SandboxError, type CallOptions, type SandboxId } from "@clauderon/core/contract";
import type { GuestClient } from "@clauderon/terminal";

import type { EngineClient } from "../engine/engine-client.ts";
import type { ContainerStatus } from "../engine/engine-types.ts";
import { inside } from "./container-places.ts";
import { sandboxGone, type DockerWorld } from "./docker-world.ts";
import { exclusively } from "./exclusively.ts";
import { giveTree } from "./give-tree.ts";
import { prepareGuest } from "./guest-door.ts";

export interface BringUpRequest extends CallOptions {
  readonly sandboxId: SandboxId;
  readonly name: string;
  /** Replaces the one that the guest has. Absent: the guest keeps its own, and a new one gets what is still remembered. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

const readyMs = 30_000;
const lookMs = 250;
const shownLines = 20;

/** Starts the sandbox's container if it does not run, and waits until `exec` works in it. Idempotent, and one at a time for a sandbox. */
export async function bringUp(world: DockerWorld, request: BringUpRequest): Promise<void> {
  const { sandboxId, name, environment, signal } = request;
  const { directory, lock } = world.places(sandboxId);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await exclusively(lock, () =>
    world.attempt(`The container of ${name} could not be started`, async (engine) => {
      signal?.throwIfAborted();
      const found = await world.find({ sandboxId, name }, { signal });
      if (found === undefined) throw sandboxGone(name);
      if (found.state === "paused") throw paused(name);
      if (found.state !== "running") await startContainer(world, { engine, found, sandboxId });
      const client = await world.client(sandboxId, name);
      await untilReady({ client, engine, id: found.id, name }, signal);
      const known = await client.inspectSandbox(sandboxId, { signal });
      if (known?.state === "running" && environment === undefined) return;
      await client.openSandbox({
        sandboxId,
        name,
        cwd: inside.workspace,
        environment: environment ?? (known === undefined ? (world.environments.get(sandboxId) ?? {}) : undefined),
        signal,
      });
    }),
  );
  if (environment !== undefined) world.environments.set(sandboxId, environment);
}

async function startContainer(
  world: DockerWorld,
  {
    engine,
    found,
    sandboxId,
  }: { readonly engine: EngineClient; readonly found: ContainerStatus; readonly sandboxId: SandboxId },
): Promise<void> {
  const owner = ownerOf(found);
  await prepareGuest(world.places(sandboxId), owner);
  if (owner !== undefined) {
    // What is laid over .git only this sandbox reads; what else it may only read is everybody's.
    const own = found.mounts.filter(({ isWritable, target }) => isWritable || target === `${inside.workspace}/.git`);
    for (const { source } of own) await giveTree(source, owner);
  }
  await engine.startContainer(found.id);
}

/** Where this process is root and the sandbox is somebody else: whose the files are to be. */
export function ownerOf({
  user,
}: Pick<ContainerStatus, "user">): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const [uid = 0, gid = uid] = user.split(":").map(Number);
  return uid === 0 || !Number.isInteger(uid) || !Number.isInteger(gid) ? undefined : { uid, gid };
}

interface Starting {
  readonly client: GuestClient;
  readonly engine: EngineClient;
  readonly id: string;
  readonly name: string;
}

/** Until the guest answers, or its container has ended. */
async function untilReady({ client, engine, id, name }: Starting, signal: AbortSignal | undefined): Promise<void> {
  const over = new AbortController();
  const both = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
  const ready = client.untilReady({ timeoutMs: readyMs, signal: both });
  ready.catch(() => undefined);
  const done = ready.then(
    () => true,
    () => true,
  );
  for (;;) {
    if (await Promise.race([done, delay(lookMs, false, { ref: false })])) break;
    const found = await engine.inspectContainer(id, { signal });
    if (found?.state !== "running") over.abort(await ended(engine, found, name));
  }
  await ready;
}

async function ended(engine: EngineClient, found: ContainerStatus | undefined, name: string): Promise<SandboxError> {
  if (found === undefined) return sandboxGone(name);
  const said = await engine.lastLines(found.id, shownLines).catch(() => "");
  const reasons = [
    found.isOutOfMemory ? "its memory limit was reached" : `it ended with exit code ${found.exitCode}`,
    found.error,
    said.trim(),
  ];
  return new SandboxError({
    message: `The container of ${name} ended at once`,
    why: reasons.filter((reason) => reason !== "").join("; "),
    fix: ["choose an image of Linux for this machine's processor", "or allow it more memory: --memory-limit 512m"],
    context: { exitCode: found.exitCode },
  });
}

function paused(name: string): SandboxError {
  return new SandboxError({
    message: `The container of ${name} is paused`,
    why: "somebody paused it by hand",
    fix: [`let it go on: docker unpause clauderon-${name}`],
  });
}
