import type { SandboxChannel } from "@clauderon/core/contract";

import type { ChannelKind, DockerSettings } from "../docker-settings.ts";
import type { EngineFacts } from "../engine/engine-types.ts";

/** Virtual machines do not carry Unix sockets over mounts. */
const inMachine = /Docker Desktop|OrbStack|Rancher|Lima|Colima/iu;

/** How the guest comes to the proxy. */
export function channelKind(
  settings: Pick<DockerSettings, "channel">,
  { operatingSystem }: Pick<EngineFacts, "operatingSystem">,
  channel: Pick<SandboxChannel, "kind"> | undefined,
): ChannelKind {
  if (channel?.kind === "stream") return "stream";
  if (settings.channel !== undefined) return settings.channel;
  return process.platform !== "linux" || inMachine.test(operatingSystem) ? "stream" : "socket";
}
