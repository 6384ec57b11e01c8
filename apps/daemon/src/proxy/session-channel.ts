import { chmod, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";

import type { ChannelCarrier, Logger, SandboxChannel } from "@clauderon/core/contract";
import { makePrivateDirectory, replaceFile } from "@clauderon/core/host";
import { keptChannel, openCarrier } from "@clauderon/proxy/client";

import type { ProxySupervisor } from "./proxy-supervisor.ts";

/** Where a sandbox finds what lies in its channel's directory. */
export const directoryInside = "/etc/clauderon";
/** What the guest's end of the channel is called inside; it is the sandbox's own loopback there. */
export const proxyHostInside = "host.docker.internal";
/** The same in every sandbox, whose ports are its own: documentation and habits name it. */
export const proxyPortInside = 3030;
const bundleName = "proxy-ca.pem";
/** The directory above keeps everybody else on this machine out; in a sandbox its user may be any. */
const openMode = { directory: 0o755, file: 0o644 };

export interface SessionChannelOptions {
  readonly homeDirectory: string;
  readonly sessionId: string;
}

/** Makes what a sandbox mounts as its way to the proxy, or brings it up to date; the directory stays the same one. */
export async function prepareChannel(
  { homeDirectory, sessionId }: SessionChannelOptions,
  bundlePath: string,
): Promise<string> {
  const directory = channelDirectory(homeDirectory, sessionId);
  await makePrivateDirectory(join(directory, ".."));
  await mkdir(directory, { recursive: true });
  const bundle = join(directory, bundleName);
  await replaceFile(bundle, await readFile(bundlePath, "utf8"));
  // Whatever the mask of this process takes away.
  await Promise.all([chmod(directory, openMode.directory), chmod(bundle, openMode.file)]);
  return directory;
}

/** Idempotent. */
export async function removeChannel({ homeDirectory, sessionId }: SessionChannelOptions): Promise<void> {
  await rm(channelDirectory(homeDirectory, sessionId), { recursive: true, force: true });
}

/** The channel of a session that was given one; also while the proxy does not run. */
export async function sandboxChannel(
  { homeDirectory, sessionId }: SessionChannelOptions,
  { supervisor, logger }: { readonly supervisor: ProxySupervisor; readonly logger: Logger },
): Promise<SandboxChannel | undefined> {
  const kept = await keptChannel(homeDirectory, sessionId);
  if (kept === undefined) return undefined;
  return {
    kind: "socket",
    directory: kept.directory,
    proxyPort: proxyPortInside,
    accept(carrier) {
      void carry(carrier, async () => supervisor.use(async () => openCarrier(homeDirectory, sessionId))).catch(
        (error: unknown) => logger.info({ sessionId, error }, "a carrier of the session was lost"),
      );
    },
  };
}

/** Joins a sandbox's end to the proxy's; either one's end is the other's. */
async function carry(carrier: ChannelCarrier, open: () => Promise<Duplex>): Promise<void> {
  const inside = Duplex.fromWeb(carrier);
  // The pipelines tell of it.
  inside.on("error", () => undefined);
  try {
    const outside = await open();
    await Promise.all([pipeline(inside, outside), pipeline(outside, inside)]);
  } finally {
    inside.destroy();
  }
}

function channelDirectory(homeDirectory: string, sessionId: string): string {
  return join(homeDirectory, "run", "channels", sessionId);
}
