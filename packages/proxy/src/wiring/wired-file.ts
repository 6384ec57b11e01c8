import type { WiredFile, WiringRequest } from "./wiring-types.ts";

const PRIVATE = 0o600;

/** The placeholder of a secret that exists. */
export function placeholderOf(secret: string, { rules, secrets }: WiringRequest): string | undefined {
  return secrets.has(secret) ? rules.find((rule) => rule.secret === secret)?.placeholder : undefined;
}

export function privateFile(path: string, content: string, ifPresent: WiredFile["ifPresent"]): WiredFile {
  return { path, content, mode: PRIVATE, ifPresent };
}
