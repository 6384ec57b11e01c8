import { join } from "node:path";

import type { WorkspaceTools } from "../workspace-tools.ts";
import { checkpointDamaged, checkpointNotFound } from "./checkpoint-errors.ts";
import {
  checkpointPlaces,
  type CheckpointRecord,
  checkpointsDirectory,
  parseRecord,
  recordFile,
} from "./checkpoint-record.ts";

export interface FoundCheckpoint {
  /** Name of the session's directory. */
  readonly sessionId: string;
  readonly record: CheckpointRecord;
}

/** Those of a session that can be read; in no order. */
export async function recordsOf(tools: WorkspaceTools, sessionId: string): Promise<readonly CheckpointRecord[]> {
  const { records } = checkpointPlaces(tools, sessionId);
  const found: CheckpointRecord[] = [];
  for (const name of await tools.fileSystem.names(records)) {
    if (!name.endsWith(".json")) continue;
    const record = parseRecord(await tools.fileSystem.readText(join(records, name)));
    if (record === undefined) tools.logger.warn({ file: join(records, name) }, "a checkpoint cannot be read");
    else found.push(record);
  }
  return found;
}

/** By its id, of whatever session. `undefined` when there is none; rejects for one that cannot be read. */
export async function readCheckpoint(tools: WorkspaceTools, id: string): Promise<FoundCheckpoint | undefined> {
  const { fileSystem } = tools;
  for (const sessionId of await sessionsWithCheckpoints(tools)) {
    const file = recordFile(tools, sessionId, id);
    const text = await fileSystem.readText(file);
    if (text === undefined) continue;
    const record = parseRecord(text);
    if (record?.id !== id) throw checkpointDamaged(id, `${file} cannot be read, or is of another version of clauderon`);
    return { sessionId, record };
  }
  return undefined;
}

export async function requireCheckpoint(tools: WorkspaceTools, id: string): Promise<FoundCheckpoint> {
  const found = await readCheckpoint(tools, id);
  if (found === undefined) throw checkpointNotFound(id);
  return found;
}

/** Names of their directories. */
export async function sessionsWithCheckpoints(tools: WorkspaceTools): Promise<readonly string[]> {
  const names = await tools.fileSystem.names(checkpointsDirectory(tools));
  return names.filter((name) => !name.startsWith("."));
}
