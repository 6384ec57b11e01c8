import type { Sandbox, SandboxId } from "@clauderon/core/contract";
import { abortable } from "@clauderon/core/host";

export interface Creation {
  readonly sandbox: Sandbox;
  /** False when it was there before. */
  readonly isNew: boolean;
}

interface Running {
  readonly made: Promise<Creation>;
  readonly controller: AbortController;
  waiting: number;
  /** Set once nobody waits any more: what was made is being taken back. */
  ending?: Promise<void> | undefined;
}

/** Creations under way, one per sandbox however many ask. One that nobody waits for any more is broken off, and nothing of it stays. */
export class Creations {
  readonly #running = new Map<SandboxId, Running>();

  async run(
    sandboxId: SandboxId,
    make: (signal: AbortSignal) => Promise<Creation>,
    signal: AbortSignal | undefined,
  ): Promise<Sandbox> {
    signal?.throwIfAborted();
    for (let before = this.#running.get(sandboxId); before?.ending !== undefined; before = this.#running.get(sandboxId))
      await before.ending;
    const creation = this.#running.get(sandboxId) ?? this.#begin(sandboxId, make);
    creation.waiting += 1;
    let isWaiting = true;
    // At once, so that nobody joins what is about to end.
    const leave = (): void => {
      if (!isWaiting) return;
      isWaiting = false;
      creation.waiting -= 1;
      if (creation.waiting === 0 && signal?.aborted === true) creation.ending = this.#end(creation, signal.reason);
    };
    signal?.addEventListener("abort", leave, { once: true });
    try {
      const { sandbox } = await abortable(creation.made, signal);
      signal?.throwIfAborted();
      return sandbox;
    } catch (error) {
      await creation.ending;
      throw error;
    } finally {
      signal?.removeEventListener("abort", leave);
      leave();
    }
  }

  #begin(sandboxId: SandboxId, make: (signal: AbortSignal) => Promise<Creation>): Running {
    const controller = new AbortController();
    const made = make(controller.signal);
    const creation: Running = { made, controller, waiting: 0 };
    this.#running.set(sandboxId, creation);
    const forget = async (): Promise<void> => {
      await creation.ending;
      if (this.#running.get(sandboxId) === creation) this.#running.delete(sandboxId);
    };
    void made.then(forget, forget);
    return creation;
  }

  async #end({ made, controller }: Running, reason: unknown): Promise<void> {
    controller.abort(reason);
    const done = await made.catch(() => undefined);
    // It was faster than its end.
    if (done?.isNew === true) await done.sandbox.destroy({ graceMs: 0 });
  }
}
