import { join } from "node:path";

import type { WorkspaceRecord } from "@clauderon/core/contract";

import { privatePlaces } from "../private/private-places.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";

/** What this machine knows of what it does not know. */
export interface RemoteState {
  /** Since when the sandbox may hold what has not come out (ISO 8601, UTC); absent when all of it has, or none has it yet. */
  readonly since?: string | undefined;
  /** Its sandbox was empty when it was last sent: since when something in it may be lost. Until something comes out of the new one. */
  readonly lostSince?: string | undefined;
}

const NAME = "clauderon-remote.json";

export async function readRemoteState(
  { fileSystem }: Pick<WorkspaceTools, "fileSystem">,
  record: WorkspaceRecord,
): Promise<RemoteState> {
  const text = await fileSystem.readText(join(privatePlaces(record).outside, NAME));
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    const { since, lostSince }: Partial<Record<string, unknown>> = { ...(value as object | null) };
    return {
      ...(typeof since === "string" ? { since } : {}),
      ...(typeof lostSince === "string" ? { lostSince } : {}),
    };
  } catch {
    // Damaged by a disk: then nothing is known, and nothing may be given up.
    return { since: new Date(0).toISOString() };
  }
}

export async function writeRemoteState(
  { fileSystem }: Pick<WorkspaceTools, "fileSystem">,
  record: WorkspaceRecord,
  state: RemoteState,
): Promise<void> {
  await fileSystem.replaceDurably(join(privatePlaces(record).outside, NAME), JSON.stringify(state));
}
