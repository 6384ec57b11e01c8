import type {
  WorkspaceCheckpoint,
  WorkspaceCheckpointRestoration,
  WorkspaceCheckpoints,
  WorkspaceRecord,
} from "@clauderon/core/contract";

import { inTurn } from "../private/in-turn.ts";
import type { UserSettings } from "../user-settings.ts";
import { fileNameOf } from "../workspace-claims.ts";
import { asWorkspaceError } from "../workspace-errors.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { restoreRefused } from "./checkpoint-errors.ts";
import { checkpointPlaces, type CheckpointRecord } from "./checkpoint-record.ts";
import { openStore } from "./checkpoint-store.ts";
import { createCheckpoint } from "./create-checkpoint.ts";
import { diffCheckpoints } from "./diff-checkpoints.ts";
import { recordsOf, requireCheckpoint, sessionsWithCheckpoints } from "./read-checkpoints.ts";
import { removeCheckpoints } from "./remove-checkpoints.ts";
import { isRestoring, restoreCheckpoint, type Restored, settleRestore } from "./restore-checkpoint.ts";

/** Checkpoints of the workspaces of a home. One thing at a time per session. */
export function createCheckpoints(tools: WorkspaceTools, settings: UserSettings): WorkspaceCheckpoints {
  const last = new Map<string, Promise<unknown>>();
  const alone = async <Value>(sessionId: string, work: () => Promise<Value>): Promise<Value> => {
    const key = fileNameOf(sessionId);
    const before = last.get(key) ?? Promise.resolve();
    // Whatever the one before came to, its own caller has heard of it.
    const mine = before.then(work, work);
    last.set(key, mine);
    try {
      return await mine;
    } catch (error) {
      throw asWorkspaceError(error);
    } finally {
      if (last.get(key) === mine) last.delete(key);
    }
  };
  /** Nothing comes out of the session's sandbox meanwhile. */
  const stillAlone = <Value>(record: WorkspaceRecord, sessionId: string, work: () => Promise<Value>): Promise<Value> =>
    alone(sessionId, () => inTurn(record, work));
  const translated = async <Value>(work: () => Promise<Value>): Promise<Value> => {
    try {
      return await work();
    } catch (error) {
      throw asWorkspaceError(error);
    }
  };
  return {
    create: (record, request, { signal } = {}) =>
      stillAlone(record, request.sessionId, async () => {
        await settleRestore(tools, record, request.sessionId);
        return shown(request.sessionId, await createCheckpoint(tools, record, { request, settings, signal }));
      }),
    list: (sessionId, { signal } = {}) =>
      translated(async () => {
        const sessions = sessionId === undefined ? await sessionsWithCheckpoints(tools) : [sessionId];
        const found: WorkspaceCheckpoint[] = [];
        for (const session of sessions) {
          signal?.throwIfAborted();
          found.push(...(await recordsOf(tools, session)).map((record) => shown(session, record)));
        }
        return found.toSorted((left, right) => right.at.localeCompare(left.at) || left.id.localeCompare(right.id));
      }),
    get: (id) =>
      translated(async () => {
        const { sessionId, record } = await requireCheckpoint(tools, id);
        return shown(sessionId, record);
      }),
    scrollback: (id, { signal } = {}) =>
      translated(async () => {
        const { sessionId, record } = await requireCheckpoint(tools, id);
        const store = await openStore(tools, { sessionId, commonDirectory: record.commonDirectory, signal });
        const call = { cwd: checkpointPlaces(tools, sessionId).store, environment: store.environment({}), signal };
        const args = ["cat-file", "blob", `${record.commit}:scrollback`];
        const { exitCode, stdout } = await tools.git.inspect(args, { ...call, accepts: [0, 128] });
        return exitCode === 0 ? stdout : undefined;
      }),
    restore: (record, { id, before, signal }) =>
      stillAlone(record, before.sessionId, async () =>
        restorationOf(before.sessionId, await restoreCheckpoint(tools, record, { id, before, settings, signal })),
      ),
    settle: (record, sessionId) =>
      stillAlone(record, sessionId, async () => {
        const done = await settleRestore(tools, record, sessionId);
        return done === undefined ? undefined : restorationOf(sessionId, done);
      }),
    remove: (ids) => translated(() => removeAny(tools, ids, alone)),
    diff: (call) => translated(() => diffCheckpoints(tools, { ...call, settings })),
    bytesOf: (sessionId) => translated(() => tools.fileSystem.bytesOf(checkpointPlaces(tools, sessionId).directory)),
  };
}

function shown(
  sessionId: string,
  { commit: _commit, version: _version, ...record }: CheckpointRecord,
): WorkspaceCheckpoint {
  return { sessionId, ...record };
}

function restorationOf(sessionId: string, { before, notices }: Restored): WorkspaceCheckpointRestoration {
  return { before: shown(sessionId, before), notices };
}

async function removeAny(
  tools: WorkspaceTools,
  ids: readonly string[],
  alone: (sessionId: string, work: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const bySession = new Map<string, string[]>();
  for (const sessionId of await sessionsWithCheckpoints(tools)) {
    const own = new Set(await tools.fileSystem.names(checkpointPlaces(tools, sessionId).records));
    const wanted = ids.filter((id) => own.has(`${fileNameOf(id)}.json`));
    if (wanted.length > 0) bySession.set(sessionId, wanted);
  }
  for (const [sessionId, wanted] of bySession)
    await alone(sessionId, async () => {
      const needed = (await isRestoring(tools, sessionId)).find((id) => wanted.includes(id));
      if (needed !== undefined)
        throw restoreRefused(`The checkpoint ${needed} is needed`, "a restoration of it was cut off", [
          "let it be ended first: clauderon reconcile --fix",
        ]);
      await removeCheckpoints(tools, sessionId, wanted);
    });
}
