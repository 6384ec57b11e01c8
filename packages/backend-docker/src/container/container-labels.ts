import { createHash } from "node:crypto";

import type { SandboxSpec } from "@clauderon/core/contract";

/** All that is made carries them; reconciling needs nothing else. */
export const labels = {
  managed: "dev.clauderon.managed",
  instance: "dev.clauderon.instance",
  sandbox: "dev.clauderon.sandbox",
  name: "dev.clauderon.name",
  spec: "dev.clauderon.spec",
} as const;

export function containerName(name: string): string {
  return `clauderon-${name}`;
}

/** What finds the containers of an instance, or the one of a sandbox. */
export function ownLabels(instanceId: string, sandboxId?: string): Readonly<Record<string, string>> {
  return {
    [labels.managed]: "1",
    [labels.instance]: instanceId,
    ...(sandboxId === undefined ? {} : { [labels.sandbox]: sandboxId }),
  };
}

export function specLabels(instanceId: string, spec: SandboxSpec, image: string): Readonly<Record<string, string>> {
  const { sandboxId, name, workspace, limits, user } = spec;
  // No environment: a label is on a disk.
  const plain = JSON.stringify({ sandboxId, name, workspace, limits, user, image });
  return {
    ...ownLabels(instanceId, sandboxId),
    [labels.name]: name,
    [labels.spec]: createHash("sha256").update(plain).digest("hex"),
  };
}

export function isOurs(found: Readonly<Record<string, string>>, instanceId: string, sandboxId?: string): boolean {
  return Object.entries(ownLabels(instanceId, sandboxId)).every(([name, value]) => found[name] === value);
}
