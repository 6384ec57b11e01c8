import { randomUUID } from "node:crypto";

import type { CallOptions } from "../contract/call-options.ts";
import type { Clock } from "../contract/clock.ts";
import { SessionError } from "../contract/errors/session-error.ts";
import { WorkspaceError } from "../contract/errors/workspace-error.ts";
import type { Logger } from "../contract/logger.ts";
import type { SessionState } from "../contract/session-state.ts";
import type { SessionDetail } from "../contract/session.ts";
import type { TakenBack, UndoRecord, UndoRequest } from "../contract/undo.ts";
import type { WorkspaceProvider, WorkspaceUndoRecord } from "../contract/workspace.ts";
import type { KeyedMutex } from "../support/keyed-mutex.ts";
import { sessionStateSchema } from "../wire/event-schema.ts";
import { parseValue } from "../wire/parse-json.ts";
import type { CheckpointService } from "./checkpoint-service.ts";
import type { EventLog } from "./event-log.ts";
import { ResultUndo } from "./result-undo.ts";
import { validateSessionName } from "./session-name.ts";
import type { SessionService } from "./session-service.ts";

export interface UndoServiceOptions {
  readonly log: EventLog;
  readonly service: SessionService;
  readonly checkpoints: CheckpointService;
  readonly workspaces: WorkspaceProvider;
  readonly locks: KeyedMutex;
  readonly logger: Logger;
  readonly clock: Clock;
  /** How long a deleted session can be brought back. */
  readonly keepMs: number;
}

/** A record with the session in it. */
interface Kept {
  readonly record: WorkspaceUndoRecord;
  readonly state: SessionState;
}

/** Deleted sessions: what is kept of them, bringing them back, and giving them up. */
export class UndoService {
  readonly #options: UndoServiceOptions;
  readonly #results: ResultUndo;

  constructor(options: UndoServiceOptions) {
    this.#options = options;
    this.#results = new ResultUndo(options);
  }

  async list(call: CallOptions = {}): Promise<readonly UndoRecord[]> {
    const kept = await this.#kept({ ...call, isMeasured: true });
    const deleted = kept.map(({ record, state }): UndoRecord => ({
      schemaVersion: 1,
      kind: "delete",
      id: record.id,
      name: record.name,
      at: record.at,
      deletedAt: record.at,
      expiresAt: new Date(Date.parse(record.at) + this.#options.keepMs).toISOString(),
      backend: state.backend,
      agent: state.agent,
      repository: record.workspace.repositoryPath,
      branch: record.workspace.branch,
      bytes: record.bytes ?? 0,
    }));
    const results = await this.#results.list(call);
    const replaced = await this.#options.checkpoints.undoList(call);
    return [...deleted, ...results, ...replaced].toSorted((left, right) => right.at.localeCompare(left.at));
  }

  async takeBack(id: string, call: CallOptions = {}): Promise<TakenBack> {
    return (await this.#options.checkpoints.takeBack(id, call)) ?? this.#results.takeBack(id, call);
  }

  async restore(request: UndoRequest, call: CallOptions = {}): Promise<SessionDetail> {
    if (request.name !== undefined) validateSessionName(request.name);
    const { record } = await this.#find(request.reference, call);
    return this.#options.locks.run(`undo ${record.id}`, () => this.#restore(record.id, request, call));
  }

  async drop(id: string, call: CallOptions = {}): Promise<void> {
    const { workspaces, locks } = this.#options;
    if (await this.#results.drop(id, call)) return;
    if (await this.#options.checkpoints.drop(id, call)) return;
    await locks.run(`undo ${id}`, async () => {
      const records = await workspaces.undoRecords.list(call);
      if (this.#isArchived(id) || records.every((record) => record.id !== id)) throw notFound(id);
      this.#refuseUnfinished(id);
      await workspaces.undoRecords.remove(id);
    });
  }

  /** Removes what is older than it is kept for. Never rejects: what cannot be removed is tried again. */
  async expire(): Promise<void> {
    const { workspaces, locks, logger, clock, keepMs, log } = this.#options;
    try {
      const oldest = clock.now().getTime() - keepMs;
      await this.#results.expire(oldest);
      await this.#options.checkpoints.expire(oldest);
      for (const { id, name, at } of await workspaces.undoRecords.list()) {
        if (Date.parse(at) > oldest || log.get(id) !== undefined) continue;
        await locks.run(`undo ${id}`, () => workspaces.undoRecords.remove(id));
        logger.info({ id, session: name, deletedAt: at }, "a deleted session is removed for good");
      }
    } catch (cause) {
      logger.warn({ cause }, "deleted sessions could not be removed for good");
    }
  }

  async #restore(id: string, request: UndoRequest, call: CallOptions): Promise<SessionDetail> {
    const { log, workspaces, service } = this.#options;
    const { state: saved } = await this.#find(id, call);
    this.#refuseUnfinished(id);
    const name = request.name ?? saved.name;
    if (log.has(name)) throw nameTaken(name, id);
    const repository =
      request.repository === undefined ? undefined : await workspaces.resolve(request.repository, call);
    const sessionId = randomUUID();
    const workspace = await workspaces.undoRecords.plan(id, { sessionId, name, repository }, call);
    const { revision: _revision, updatedAt: _updatedAt, idempotencyKey: _key, error: _error, ...rest } = saved;
    return service.restore({
      ...rest,
      id: sessionId,
      name,
      workspace,
      lifecycle: "creating",
      operation: { kind: "restore", operationId: randomUUID(), receipts: [], undoId: id },
    });
  }

  /** By id first; without a reference, the newest. */
  async #find(reference: string | undefined, call: CallOptions): Promise<Kept> {
    const kept = await this.#kept(call);
    const found =
      reference === undefined
        ? kept[0]
        : (kept.find(({ record }) => record.id === reference) ?? kept.find(({ record }) => record.name === reference));
    if (found === undefined) throw notFound(reference);
    return found;
  }

  async #kept(call: CallOptions & { readonly isMeasured?: boolean }): Promise<readonly Kept[]> {
    await this.#options.log.load();
    const kept: Kept[] = [];
    for (const record of await this.#options.workspaces.undoRecords.list(call)) {
      if (this.#isArchived(record.id)) continue;
      try {
        kept.push({ record, state: parseValue(record.session, sessionStateSchema) });
      } catch (cause) {
        this.#options.logger.warn({ id: record.id, session: record.name, cause }, "an undo record cannot be read");
      }
    }
    return kept;
  }

  /** What lies there is a session that still is one. */
  #isArchived(id: string): boolean {
    const state = this.#options.log.get(id);
    const kind = state?.operation?.kind;
    return kind === "archive" || kind === "unarchive" || (kind === undefined && state?.lifecycle === "archived");
  }

  #refuseUnfinished(id: string): void {
    const state = this.#options.log.get(id);
    if (state === undefined) return;
    throw new SessionError({
      code: "session.wrong-state",
      message: `The deletion of session ${state.name} has not ended`,
      fix: [`end it: clauderon delete ${state.name} --discard`, "then run undo again"],
      context: { session: state.name },
    });
  }
}

function notFound(reference: string | undefined): WorkspaceError {
  return new WorkspaceError({
    code: "undo.not-found",
    message:
      reference === undefined
        ? "There is nothing to undo"
        : `There is no deleted session called ${JSON.stringify(reference)}`,
    why: "only deleted sessions can be brought back, until their time is over",
    fix: ["see what there is: clauderon undo list"],
    context: { reference },
  });
}

function nameTaken(name: string, id: string): SessionError {
  return new SessionError({
    code: "session.name-taken",
    message: `There is a session called ${name} already`,
    fix: [`bring the deleted one back under another name: clauderon undo ${id} --as OTHER`],
    context: { name },
  });
}
