import type { EngineClient } from "../engine/engine-client.ts";
import type { ContainerStatus } from "../engine/engine-types.ts";

/** Puts a container into one of the engine's networks and takes it out of all others; `none` is loopback alone. */
export async function changeNetwork(
  engine: EngineClient,
  { container, wanted }: { readonly container: ContainerStatus; readonly wanted: "none" | "bridge" },
  signal?: AbortSignal,
): Promise<void> {
  const { id, networks } = container;
  // First out: the engine lets nothing into a network that is in `none`, and in between nothing is open that should not be.
  for (const network of networks) if (network !== wanted) await engine.disconnectNetwork(network, id, { signal });
  if (!networks.includes(wanted)) await engine.connectNetwork(wanted, id, { signal });
}
