import { ClauderonError, InternalError } from "@clauderon/core/contract";

import { performWork } from "./perform-work.ts";
import type { Answer, Work } from "./work.ts";

/** Never rejects; errors in a form that another thread can be told. */
export async function answerTo(work: Work): Promise<Answer> {
  try {
    return { type: "done", result: await performWork(work) };
  } catch (error) {
    return { type: "failed", error: (ClauderonError.isInstance(error) ? error : new InternalError(error)).toJSON() };
  }
}
