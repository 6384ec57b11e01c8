import { join } from "node:path";

import type { WorkspaceResultRecord, WorkspaceResults } from "@clauderon/core/contract";

import { publishWork } from "../private/publish-branch.ts";
import type { UserSettings } from "../user-settings.ts";
import { asWorkspaceError } from "../workspace-errors.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { readRecord, resultsDirectory } from "./result-record.ts";
import { discard, settleResult } from "./settle-result.ts";
import { takeResultBack } from "./take-result-back.ts";
import { checkResult, takeResult } from "./take-result.ts";

/** Merges and applications of sessions' work, and their records. */
export function createResults(tools: WorkspaceTools, settings: UserSettings): WorkspaceResults {
  /** Under way in this process: nobody else may settle them. */
  const active = new Set<string>();
  const alone = async <Value>(id: string, work: () => Promise<Value>): Promise<Value> => {
    active.add(id);
    try {
      return await work();
    } catch (error) {
      throw asWorkspaceError(error);
    } finally {
      active.delete(id);
    }
  };
  return {
    check: async (record, request, { signal } = {}) => {
      try {
        await publishWork(tools, record, signal);
        return await checkResult(tools, { record, request, settings, signal });
      } catch (error) {
        throw asWorkspaceError(error);
      }
    },
    take: (id, record, call) =>
      alone(id, async () => {
        await publishWork(tools, record, call.signal);
        return takeResult(tools, id, { record, call, settings });
      }),
    settle: (id) => alone(id, () => settleResult(tools, id)),
    recover: async () => {
      for (const id of await tools.fileSystem.names(resultsDirectory(tools))) {
        if (active.has(id)) continue;
        try {
          const record = await readRecord(tools, id);
          if (record === undefined || (record !== "damaged" && record.phase !== "done"))
            await alone(id, () => settleResult(tools, id));
        } catch (error) {
          tools.logger.warn({ id, error: String(error) }, "a merge that was cut off could not be settled yet");
        }
      }
    },
    list: async (call) => (await listResults(tools, call)).filter(({ id }) => !active.has(id)),
    takeBack: (id) => alone(id, () => takeResultBack(tools, id)),
    remove: (id) => alone(id, () => discard(tools, id)),
  };
}

async function listResults(
  tools: WorkspaceTools,
  call: Parameters<WorkspaceResults["list"]>[0] = {},
): Promise<readonly WorkspaceResultRecord[]> {
  const { fileSystem, logger } = tools;
  const records: WorkspaceResultRecord[] = [];
  for (const name of await fileSystem.names(resultsDirectory(tools))) {
    call.signal?.throwIfAborted();
    const record = await readRecord(tools, name);
    if (record === "damaged") logger.warn({ id: name }, "an undo record cannot be read");
    if (record === undefined || record === "damaged") continue;
    const { id, at, session, repositoryPath, commonDirectory, result } = record;
    records.push({
      id,
      kind: result.kind,
      name: record.name,
      at,
      repositoryPath,
      commonDirectory,
      branch: result.branch,
      session,
      bytes: call.isMeasured === true ? await fileSystem.bytesOf(join(resultsDirectory(tools), name)) : undefined,
    });
  }
  return records.toSorted((left, right) => right.at.localeCompare(left.at) || left.id.localeCompare(right.id));
}
