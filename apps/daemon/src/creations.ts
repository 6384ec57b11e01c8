import { type CreationProgress, type OnCreationProgress, OperationError, type Session } from "@clauderon/core/contract";

/** Creations by idempotency key, so that a caller that gives up can take its own back: exactly, also when both cross on the way. */
export interface Creations {
  /** Runs a creation. Rejects with `operation.aborted` when its key was cancelled before. */
  run(
    key: string | undefined,
    create: (signal: AbortSignal, onProgress: OnCreationProgress) => Promise<Session>,
  ): Promise<Session>;
  /** How far the creation with the key is; `undefined` when there is nothing to tell. */
  progress(key: string): CreationProgress | undefined;
  /** Ends the creation with the key, or refuses it if it is still to come. Resolves when nothing of it is left. */
  cancel(key: string): Promise<void>;
}

/** How long a key is remembered after its creation or cancellation. */
const REMEMBERED_MS = 120_000;

interface Entry {
  readonly controller: AbortController;
  /** Settles with the creation; never rejects. */
  outcome: Promise<Session | undefined>;
  progress?: CreationProgress;
}

/** `remove` deletes a session that was made although its caller gave up. */
export function createCreations(remove: (session: Session) => Promise<void>): Creations {
  const entries = new Map<string, Entry>();

  function remember(key: string, entry: Entry): void {
    entries.set(key, entry);
    const timer = setTimeout(() => {
      if (entries.get(key) === entry) entries.delete(key);
    }, REMEMBERED_MS);
    timer.unref();
  }

  return {
    async run(key, create) {
      const known = key === undefined ? undefined : entries.get(key);
      known?.controller.signal.throwIfAborted();
      const controller = known?.controller ?? new AbortController();
      const running = create(controller.signal, (progress) => {
        const entry = key === undefined ? undefined : entries.get(key);
        if (entry !== undefined) entry.progress = progress;
      });
      if (key !== undefined && known === undefined) {
        const outcome = running.then(
          (session) => session,
          () => undefined,
        );
        remember(key, { controller, outcome });
      }
      const session = await running;
      controller.signal.throwIfAborted();
      return session;
    },
    progress: (key) => entries.get(key)?.progress,
    async cancel(key) {
      const known = entries.get(key);
      const entry = known ?? { controller: new AbortController(), outcome: Promise.resolve(undefined) };
      if (known === undefined) remember(key, entry);
      entry.controller.abort(aborted());
      const session = await entry.outcome;
      if (session !== undefined) await remove(session);
    },
  };
}

function aborted(): OperationError {
  return new OperationError({
    code: "operation.aborted",
    message: "The creation was cancelled by its caller",
    fix: ["create the session again"],
  });
}
