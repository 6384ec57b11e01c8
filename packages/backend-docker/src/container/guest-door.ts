import { randomBytes, randomUUID } from "node:crypto";
import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import type { Duplex } from "node:stream";

import { SandboxError } from "@clauderon/core/contract";
import { createGuestClient, dialGuestSocket, type GuestClient } from "@clauderon/terminal";

import type { ChannelKind } from "../docker-settings.ts";
import type { EngineClient } from "../engine/engine-client.ts";
import { hasStatus } from "../engine/engine-error.ts";
import { guestProgram, type SandboxPlaces } from "./container-places.ts";
import { demultiplex } from "./demultiplex.ts";
import { giveTree, type Owner } from "./give-tree.ts";

export interface GuestDoorOptions {
  readonly instanceId: string;
  readonly places: SandboxPlaces;
  readonly channel: ChannelKind | undefined;
  readonly engine: () => Promise<EngineClient>;
  /** The container's id and its user, `undefined` when there is none. */
  readonly container: () => Promise<{ readonly id: string; readonly user: string } | undefined>;
}

/** A client of the guest in a sandbox, which is reached by its socket in the mounted directory or, where that does not lead there, by the engine's exec. */
export async function openGuestDoor(options: GuestDoorOptions): Promise<GuestClient> {
  const { channel, instanceId, places } = options;
  const key = await readKey(places);
  return createGuestClient({
    instanceId,
    key,
    async dial({ signal }): Promise<Duplex | undefined> {
      if (channel !== "stream") {
        const socket = await dialGuestSocket(places.guestSocket);
        if (socket !== undefined) return socket;
      }
      return channel === "socket" ? undefined : dialByExec(options, signal);
    },
  });
}

/** Virtual machines of Docker Desktop and the like do not carry sockets over mounts; and an agent may remove its guest's. */
async function dialByExec({ container, engine }: GuestDoorOptions, signal: AbortSignal): Promise<Duplex | undefined> {
  const found = await container();
  if (found === undefined) return undefined;
  const client = await engine();
  try {
    const { id, user } = found;
    return demultiplex(await client.startExec(id, { argv: [guestProgram, "connect"], user }, { signal }));
  } catch (error) {
    // It is gone, or does not run.
    if (hasStatus(error, 404, 409)) return undefined;
    throw error;
  }
}

/** Of a sandbox that was never made here there is none. */
async function readKey({ key }: SandboxPlaces): Promise<Uint8Array> {
  try {
    return Buffer.from(await readFile(key, "utf8"), "hex");
  } catch (error) {
    throw new SandboxError({
      code: "sandbox.not-running",
      message: "The guest of the sandbox cannot be asked: its key is gone",
      why: error instanceof Error ? error.message : String(error),
      fix: ["stop the session and start it again: clauderon stop NAME && clauderon start NAME"],
      cause: error,
    });
  }
}

/** Makes the sandbox's key where there is none yet: the same for all who ask at once, for as long as the sandbox lives. */
export async function makeGuestKey({ directory, key }: SandboxPlaces): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const temporary = `${key}.${randomUUID()}`;
  try {
    await writeFile(temporary, randomBytes(keyBytes).toString("hex"), { mode: 0o600, flag: "wx" });
    await link(temporary, key);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

const keyBytes = 32;

/** Makes the directories that the container is to have, and puts the key where the guest takes it from. Only while the container does not run. */
export async function prepareGuest(places: SandboxPlaces, owner: Owner | undefined): Promise<void> {
  await makeGuestKey(places);
  await mkdir(places.home, { recursive: true, mode: 0o700 });
  // The agent had it all to itself before.
  await rm(places.run, { recursive: true, force: true });
  await mkdir(places.run, { recursive: true, mode: 0o700 });
  const temporary = `${places.directory}/key.new`;
  await writeFile(temporary, await readFile(places.key, "utf8"), { mode: 0o600 });
  await rename(temporary, places.guestKey);
  if (owner === undefined) return;
  await giveTree(places.run, owner);
  await giveTree(places.home, owner);
}
