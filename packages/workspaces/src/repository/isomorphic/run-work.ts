import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

import { type CallOptions, errorFromJson, WorkspaceError } from "@clauderon/core/contract";

import { notWithoutGit } from "../git-needed.ts";
import type { Answer, Results, Work } from "./work.ts";

export interface RunLimits {
  readonly memoryBytes: number;
  readonly durationMs: number;
}

export type RunWork = <Kind extends Work["kind"]>(
  work: Extract<Work, { readonly kind: Kind }>,
  options?: CallOptions,
) => Promise<Results[Kind]>;

const LOOK_MS = 200;
const limits: RunLimits = { memoryBytes: 1536 * 1024 * 1024, durationMs: 60 * 60 * 1000 };

/**
 * Does it in a thread that is ended when the caller gives up, when it takes more memory than a repository of the size that is allowed can need, and
 * when it does not end: a hostile pack makes isomorphic-git do either.
 */
export async function runWork<Kind extends Work["kind"]>(
  work: Extract<Work, { readonly kind: Kind }>,
  { signal, ...given }: { readonly signal?: AbortSignal | undefined } & Partial<RunLimits> = {},
): Promise<Results[Kind]> {
  signal?.throwIfAborted();
  const { memoryBytes, durationMs } = { ...limits, ...given };
  const isSource = import.meta.url.endsWith(".ts");
  const url = new URL(isSource ? "./isomorphic-main.ts" : "./isomorphic-main.js", import.meta.url);
  const worker = new Worker(fileURLToPath(url), {
    workerData: work,
    // What it says besides its answer is not for the user.
    stdout: true,
    stderr: true,
    execArgv: isSource ? ["--conditions", "@clauderon/source"] : [],
    resourceLimits: { maxOldGenerationSizeMb: Math.ceil(memoryBytes / 1024 / 1024) },
  });
  const ending = new AbortController();
  const guard = setInterval(() => {
    worker.getHeapStatistics().then(
      ({ total_heap_size: heap, external_memory: external }) => {
        if (heap + external > memoryBytes)
          ending.abort(tooMuch(`more than ${String(memoryBytes / 1024 / 1024)} MiB of memory`));
      },
      // It has ended.
      () => undefined,
    );
  }, LOOK_MS);
  const late = setTimeout(() => ending.abort(tooMuch(`more than ${String(durationMs / 1000)} s`)), durationMs);
  try {
    const either = AbortSignal.any([ending.signal, ...(signal === undefined ? [] : [signal])]);
    const [answer] = (await Promise.race([
      once(worker, "message", { signal: either }),
      once(worker, "exit", { signal: either }).then(() => [ended()]),
    ])) as [Answer | Error];
    if (answer instanceof Error) throw answer;
    if (answer.type === "failed") throw errorFromJson(answer.error);
    return answer.result as Results[Kind];
  } catch (error) {
    if (ending.signal.aborted) throw ending.signal.reason;
    signal?.throwIfAborted();
    throw (error as { readonly code?: unknown }).code === "ERR_WORKER_OUT_OF_MEMORY"
      ? tooMuch("more memory than it may")
      : error;
  } finally {
    clearInterval(guard);
    clearTimeout(late);
    await worker.terminate();
  }
}

function tooMuch(what: string): Error {
  return notWithoutGit("This repository is too much to be read without git", `reading it took ${what}`);
}

function ended(): WorkspaceError {
  return new WorkspaceError({
    message: "Reading the repository ended without an answer",
    fix: ["try again", "or install git, for example: sudo apt install git"],
  });
}
