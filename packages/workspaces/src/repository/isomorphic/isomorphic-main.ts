import { enableCompileCache, flushCompileCache } from "node:module";
import { parentPort, workerData } from "node:worker_threads";

import type { Work } from "./work.ts";

// One piece of work in a thread of its own: isomorphic-git unpacks in the thread that asks.

// Reading the sources takes longer than most of the work does.
enableCompileCache();
const { answerTo } = await import("./answer-to.ts");
// The thread is ended when it has answered.
flushCompileCache();
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
parentPort?.postMessage(await answerTo(workerData as Work));
