import type { Capability } from "./backend-capabilities.ts";
import { CapabilityUnsupportedError } from "./errors/capability-unsupported-error.ts";
import type { Sandbox } from "./sandbox.ts";

/** No power at all: spread it into a backend's capabilities and name the ones it has. */
export const noPowers: Readonly<Record<Capability, boolean>> = {
  image: false,
  cpuLimit: false,
  memoryLimit: false,
  processLimit: false,
  pullPolicy: false,
  networkPolicy: false,
  hibernate: false,
  checkpoint: false,
  refresh: false,
  usage: false,
  user: false,
};

/** The optional part of a sandbox, each method rejecting: spread it into a sandbox and override what the backend can do. */
export function unsupportedPowers(
  backendId: string,
): Pick<Sandbox, "network" | "hibernate" | "wake" | "checkpoints" | "refresh" | "usage"> {
  const refuse = (capability: Capability) => (): Promise<never> =>
    Promise.reject(new CapabilityUnsupportedError(backendId, capability));
  const checkpoint = refuse("checkpoint");
  return {
    network: refuse("networkPolicy"),
    hibernate: refuse("hibernate"),
    wake: refuse("hibernate"),
    checkpoints: { create: checkpoint, list: checkpoint, restore: checkpoint, delete: checkpoint },
    refresh: refuse("refresh"),
    usage: refuse("usage"),
  };
}
