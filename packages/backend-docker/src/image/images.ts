import {
  silentLogger,
  type CallOptions,
  type CommandRunner,
  type Logger,
  type PullPolicy,
} from "@clauderon/core/contract";
import { abortable } from "@clauderon/core/host";

import type { Machine } from "../endpoint/usual-sockets.ts";
import type { EngineClient } from "../engine/engine-client.ts";
import type { ImageFacts } from "../engine/engine-types.ts";
import { notHere, pullFailed, wrongName, wrongPlatform, type WantedImage } from "./image-errors.ts";
import { parseImageReference, type ImageReference } from "./image-reference.ts";
import { pullImage } from "./pull-image.ts";
import type { PullProgress } from "./pull-progress.ts";
import { registryCredentials } from "./registry-credentials.ts";

export interface EnsureOptions extends CallOptions {
  readonly policy: PullPolicy;
  readonly onProgress?: ((progress: PullProgress) => void) | undefined;
}

interface RunningPull {
  readonly done: Promise<void>;
  readonly controller: AbortController;
  readonly listeners: Set<(progress: PullProgress) => void>;
  waiting: number;
}

/** Images of the engine. Several who want one at a time share its pull, which ends when nobody waits for it any more. */
export class Images {
  readonly #machine: Machine;
  readonly #runner: CommandRunner;
  readonly #logger: Logger;
  readonly #pulls = new Map<string, RunningPull>();

  constructor(machine: Machine, runner: CommandRunner, logger: Logger = silentLogger) {
    this.#machine = machine;
    this.#runner = runner;
    this.#logger = logger;
  }

  /** The image as the policy wants it, for this engine's platform. */
  async ensure(
    engine: EngineClient,
    image: WantedImage,
    options: EnsureOptions,
  ): Promise<ImageFacts & { readonly whole: string }> {
    const reference = parseImageReference(image.reference);
    if ("wrong" in reference) throw wrongName(image, reference.wrong);
    const { whole } = reference;
    const { policy, signal } = options;
    let facts = policy === "always" ? undefined : await engine.inspectImage(whole, { signal });
    if (facts === undefined) {
      if (policy === "never") throw notHere(image);
      await this.#pull(engine, { image, reference }, options);
      facts = await engine.inspectImage(whole, { signal });
      if (facts === undefined) throw notHere(image);
    }
    const { architecture } = engine.facts;
    if (facts.architecture !== "" && facts.architecture !== architecture)
      throw wrongPlatform(image, facts.architecture, architecture);
    return { ...facts, whole };
  }

  async #pull(
    engine: EngineClient,
    what: { readonly image: WantedImage; readonly reference: ImageReference },
    { onProgress, signal }: EnsureOptions,
  ): Promise<void> {
    const { whole } = what.reference;
    const pull = this.#pulls.get(whole) ?? this.#begin(engine, what);
    pull.waiting += 1;
    if (onProgress !== undefined) pull.listeners.add(onProgress);
    try {
      await abortable(pull.done, signal);
    } finally {
      if (onProgress !== undefined) pull.listeners.delete(onProgress);
      pull.waiting -= 1;
      if (pull.waiting === 0) {
        if (this.#pulls.get(whole) === pull) this.#pulls.delete(whole);
        pull.controller.abort();
      }
    }
  }

  #begin(
    engine: EngineClient,
    { image, reference }: { readonly image: WantedImage; readonly reference: ImageReference },
  ): RunningPull {
    const controller = new AbortController();
    const { signal } = controller;
    const listeners = new Set<(progress: PullProgress) => void>();
    const log = this.#progressLog();
    const run = async (): Promise<void> => {
      this.#logger.info({ image: reference.whole }, "pulling an image");
      const { registry } = reference;
      const { socketPath, transport } = engine;
      const { header, note } = await registryCredentials(registry, {
        machine: this.#machine,
        runner: this.#runner,
        signal,
      });
      try {
        await pullImage(transport, reference, {
          credentials: header,
          signal,
          onProgress: (progress) => {
            for (const listener of listeners) listener(progress);
            log(progress);
          },
        });
      } catch (error) {
        signal.throwIfAborted();
        throw pullFailed(error, { image, registry, note, socketPath });
      }
    };
    const done = run();
    // Whoever waits is told; when nobody does, nobody has to be.
    done.catch(() => undefined);
    const pull: RunningPull = { done, controller, listeners, waiting: 0 };
    this.#pulls.set(reference.whole, pull);
    return pull;
  }

  /** A line now and then, however much the engine says, and one for the end. */
  #progressLog(): (progress: PullProgress) => void {
    let nextAt = performance.now() + logPauseMs;
    return (progress) => {
      const isOver = progress.layers > 0 && progress.layersDone === progress.layers;
      if (!isOver && performance.now() < nextAt) return;
      nextAt = performance.now() + logPauseMs;
      this.#logger.info({ ...progress }, "an image is being pulled");
    };
  }
}

const logPauseMs = 5000;
