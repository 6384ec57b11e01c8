import type { CallOptions } from "../contract/call-options.ts";
import type { Clock } from "../contract/clock.ts";
import { WorkspaceError } from "../contract/errors/workspace-error.ts";
import type { Logger } from "../contract/logger.ts";
import type { CheckpointRestoration, SessionCheckpoint, SessionCheckpoints } from "../contract/session-checkpoint.ts";
import type { TakenBack, UndoRecord } from "../contract/undo.ts";
import type { WorkspaceCheckpoint } from "../contract/workspace-checkpoint.ts";
import type { WorkspaceProvider } from "../contract/workspace.ts";
import type { EventLog } from "./event-log.ts";
import { newCheckpointId } from "./rewind.ts";
import type { SessionService } from "./session-service.ts";

export interface CheckpointServiceOptions {
  readonly log: EventLog;
  readonly service: SessionService;
  readonly workspaces: WorkspaceProvider;
  readonly logger: Logger;
  readonly clock: Clock;
  /** How long those that nobody asked for are kept. */
  readonly keepMs: number;
}

/** Checkpoints of sessions. */
export class CheckpointService implements SessionCheckpoints {
  readonly #options: CheckpointServiceOptions;

  constructor(options: CheckpointServiceOptions) {
    this.#options = options;
  }

  async create(
    session: string,
    request: { readonly note?: string | undefined } = {},
    call: CallOptions = {},
  ): Promise<SessionCheckpoint> {
    const { log, service } = this.#options;
    await log.load();
    const { id } = log.require(session);
    const note = request.note === "" ? undefined : request.note;
    return shown(await service.checkpoint(id, { id: newCheckpointId(), trigger: "user", note }, call));
  }

  async list(session?: string, call: CallOptions = {}): Promise<readonly SessionCheckpoint[]> {
    const { log, workspaces } = this.#options;
    await log.load();
    const id = session === undefined ? undefined : log.require(session).id;
    return (await workspaces.checkpoints.list(id, call)).map(shown);
  }

  async restore(session: string, id: string, call: CallOptions = {}): Promise<CheckpointRestoration> {
    const { log, service, workspaces } = this.#options;
    await log.load();
    const state = log.require(session);
    const checkpoint = await workspaces.checkpoints.get(id, call);
    if (checkpoint.sessionId !== state.id) {
      throw new WorkspaceError({
        code: "checkpoint.refused",
        message: `The checkpoint ${id} is of session ${checkpoint.name}, not of ${state.name}`,
        why: "a session goes back to its own checkpoints",
        fix: [`see which it has: clauderon checkpoint list ${state.name}`],
        context: { id, session: state.name },
      });
    }
    return service.rewind(state.id, { id, undoId: newCheckpointId() }, call);
  }

  async remove(ids: readonly string[], call: CallOptions = {}): Promise<void> {
    const { workspaces } = this.#options;
    for (const id of ids) await workspaces.checkpoints.get(id, call).catch(passDamaged);
    await workspaces.checkpoints.remove(ids, call);
  }

  async screen(id: string, call: CallOptions = {}): Promise<string> {
    const { workspaces } = this.#options;
    await workspaces.checkpoints.get(id, call);
    return (await workspaces.checkpoints.scrollback(id, call)) ?? "";
  }

  async diff(request: Parameters<SessionCheckpoints["diff"]>[0], call: CallOptions = {}): Promise<string> {
    const { log, workspaces } = this.#options;
    await log.load();
    const from = await workspaces.checkpoints.get(request.from, call);
    return workspaces.checkpoints.diff({ ...request, ...call, record: log.get(from.sessionId)?.workspace });
  }

  /** What restorations have replaced. */
  async undoList(call: CallOptions): Promise<readonly UndoRecord[]> {
    const { log, keepMs } = this.#options;
    return (await this.#replaced(call)).flatMap((checkpoint) => {
      const state = log.get(checkpoint.sessionId);
      if (state === undefined) return [];
      const expiresAt = new Date(Date.parse(checkpoint.at) + keepMs).toISOString();
      const { backend, agent } = state;
      const { at } = checkpoint;
      return [{ ...takenBack(checkpoint), at, deletedAt: at, expiresAt, backend, agent, bytes: 0 }];
    });
  }

  /** `undefined` when it is none of those. */
  async takeBack(id: string, call: CallOptions): Promise<TakenBack | undefined> {
    const checkpoint = (await this.#replaced(call)).find((candidate) => candidate.id === id);
    if (checkpoint === undefined) return undefined;
    if (this.#options.log.get(checkpoint.sessionId) === undefined) return undefined;
    await this.restore(checkpoint.sessionId, id, call);
    return takenBack(checkpoint);
  }

  /** False when it is none of those. */
  async drop(id: string, call: CallOptions): Promise<boolean> {
    if ((await this.#replaced(call)).every((candidate) => candidate.id !== id)) return false;
    await this.#options.workspaces.checkpoints.remove([id], call);
    return true;
  }

  /** Those that nobody asked for go when their time is over. */
  async expire(oldest: number): Promise<void> {
    const { workspaces } = this.#options;
    const over = (await workspaces.checkpoints.list()).filter(
      ({ trigger, at }) => trigger !== "user" && Date.parse(at) <= oldest,
    );
    if (over.length > 0) await workspaces.checkpoints.remove(over.map(({ id }) => id));
  }

  async #replaced(call: CallOptions): Promise<readonly WorkspaceCheckpoint[]> {
    return (await this.#options.workspaces.checkpoints.list(undefined, call)).filter(
      ({ trigger }) => trigger === "restore",
    );
  }
}

function shown(checkpoint: WorkspaceCheckpoint): SessionCheckpoint {
  const { id, sessionId, name, at, trigger, note, head, branch, repositoryPath, files, skipped } = checkpoint;
  const place = { head, branch, repository: repositoryPath };
  return { schemaVersion: 1, id, sessionId, session: name, at, trigger, note, ...place, files, skipped };
}

function takenBack({ id, name, repositoryPath, branch }: WorkspaceCheckpoint): TakenBack {
  return { schemaVersion: 1, kind: "restore", id, name, repository: repositoryPath, branch: branch ?? "" };
}

/** One that cannot be read can be deleted. */
function passDamaged(error: unknown): void {
  if (!WorkspaceError.isInstance(error, "checkpoint.damaged")) throw error;
}
