import { parentPort, workerData } from "node:worker_threads";

import { ClauderonError, InternalError } from "@clauderon/core/contract";

import { performWork } from "./perform-work.ts";
import type { Answer, Work } from "./work.ts";

// One piece of work in a thread of its own: isomorphic-git unpacks in the thread that asks.

async function answer(): Promise<Answer> {
  try {
    return { type: "done", result: await performWork(workerData as Work) };
  } catch (error) {
    return { type: "failed", error: (ClauderonError.isInstance(error) ? error : new InternalError(error)).toJSON() };
  }
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
parentPort?.postMessage(await answer());
