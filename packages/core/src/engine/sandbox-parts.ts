import type { GuestProgram, SandboxParts } from "../contract/sandbox-spec.ts";
import type { SessionState } from "../contract/session-state.ts";
import type { BackendRegistry } from "./backend-registry.ts";
import type { ProxyPort } from "./engine.ts";

export interface SandboxPartsOptions {
  readonly registry: BackendRegistry;
  readonly proxy: ProxyPort | undefined;
  readonly guest: GuestProgram | undefined;
}

/** What the program that runs the engine gives a session's sandbox; nothing where its backend takes none of it. */
export async function sandboxParts(
  { id, backend }: Pick<SessionState, "id" | "backend">,
  { registry, proxy, guest }: SandboxPartsOptions,
): Promise<SandboxParts> {
  if (registry.get(backend).capabilities.channel !== true) return {};
  return { guest, channel: await proxy?.channel?.(id) };
}
