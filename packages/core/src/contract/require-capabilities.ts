import type { BackendCapabilities, Capability } from "./backend-capabilities.ts";
import { CapabilityUnsupportedError } from "./errors/capability-unsupported-error.ts";
import type { SandboxSpec } from "./sandbox-spec.ts";

/** Throws `CapabilityUnsupportedError` for the first thing the spec asks that the backend cannot do: the first line of every `create`. */
export function requireCapabilities(backendId: string, capabilities: BackendCapabilities, spec: SandboxSpec): void {
  const asked: readonly [Capability, unknown][] = [
    ["image", spec.image],
    ["pullPolicy", spec.pullPolicy],
    ["cpuLimit", spec.limits?.cpus],
    ["memoryLimit", spec.limits?.memoryBytes],
    ["processLimit", spec.limits?.processes],
    ["networkPolicy", spec.network],
    ["user", spec.user],
    ["hibernate", spec.hibernationTimeoutMs],
  ];
  for (const [capability, value] of asked) {
    if (value !== undefined && !capabilities[capability]) throw new CapabilityUnsupportedError(backendId, capability);
  }
}
