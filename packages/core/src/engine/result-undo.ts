import type { CallOptions } from "../contract/call-options.ts";
import { WorkspaceError } from "../contract/errors/workspace-error.ts";
import type { Logger } from "../contract/logger.ts";
import type { TakenBack, UndoRecord } from "../contract/undo.ts";
import type { WorkspaceProvider, WorkspaceResultRecord } from "../contract/workspace.ts";
import type { KeyedMutex } from "../support/keyed-mutex.ts";
import { sessionStateSchema } from "../wire/event-schema.ts";
import { parseValue } from "../wire/parse-json.ts";
import type { EventLog } from "./event-log.ts";

export interface ResultUndoOptions {
  readonly log: EventLog;
  readonly workspaces: WorkspaceProvider;
  readonly locks: KeyedMutex;
  readonly logger: Logger;
  /** How long they can be taken back. */
  readonly keepMs: number;
}

/** Merges and applications of changes: what is kept of them, taking them back, and giving them up. */
export class ResultUndo {
  readonly #options: ResultUndoOptions;

  constructor(options: ResultUndoOptions) {
    this.#options = options;
  }

  async list(call: CallOptions): Promise<readonly UndoRecord[]> {
    const { workspaces, keepMs } = this.#options;
    const records = await workspaces.results.list({ ...call, isMeasured: true });
    return records.map((record) => ({
      ...this.#shown(record),
      at: record.at,
      deletedAt: record.at,
      expiresAt: new Date(Date.parse(record.at) + keepMs).toISOString(),
      ...this.#sessionOf(record),
      bytes: record.bytes ?? 0,
    }));
  }

  async takeBack(id: string, call: CallOptions): Promise<TakenBack> {
    const { workspaces, locks } = this.#options;
    const record = await this.#find(id, call);
    if (record === undefined) {
      throw new WorkspaceError({
        code: "undo.not-found",
        message: `There is no merge and no application of changes with the id ${JSON.stringify(id)}`,
        why: "it was taken back already, given up, or its time is over",
        fix: ["see what there is: clauderon undo list"],
        context: { id },
      });
    }
    await locks.run(lockOf(record), () => workspaces.results.takeBack(id, call));
    return this.#shown(record);
  }

  /** False when there is none. */
  async drop(id: string, call: CallOptions): Promise<boolean> {
    const record = await this.#find(id, call);
    if (record !== undefined) await this.#remove(record);
    return record !== undefined;
  }

  async expire(oldest: number): Promise<void> {
    const { workspaces, logger } = this.#options;
    for (const record of await workspaces.results.list()) {
      const { id, name, at } = record;
      if (Date.parse(at) > oldest) continue;
      await this.#remove(record);
      logger.info({ id, session: name, at }, "a merge cannot be taken back any more");
    }
  }

  /** What was cut off is settled first: files that a record alone holds are never dropped. */
  async #remove(record: WorkspaceResultRecord): Promise<void> {
    const { workspaces, locks } = this.#options;
    await locks.run(lockOf(record), async () => {
      await workspaces.results.settle(record.id);
      await workspaces.results.remove(record.id);
    });
  }

  async #find(id: string, call: CallOptions): Promise<WorkspaceResultRecord | undefined> {
    return (await this.#options.workspaces.results.list(call)).find((record) => record.id === id);
  }

  #shown({ kind, id, name, repositoryPath, branch }: WorkspaceResultRecord): TakenBack {
    return { schemaVersion: 1, kind, id, name, repository: repositoryPath, branch: branch ?? "" };
  }

  #sessionOf(record: WorkspaceResultRecord): Pick<UndoRecord, "backend" | "agent"> {
    try {
      const { backend, agent } = parseValue(record.session, sessionStateSchema);
      return { backend, agent };
    } catch (cause) {
      this.#options.logger.warn({ id: record.id, cause }, "the session in an undo record cannot be read");
      return { backend: "", agent: "" };
    }
  }
}

/** The same as that of merges. */
function lockOf({ commonDirectory }: WorkspaceResultRecord): string {
  return `results ${commonDirectory}`;
}
