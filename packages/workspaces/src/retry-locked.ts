import { setTimeout as pause } from "node:timers/promises";

import { complaintOf } from "./git.ts";

const ATTEMPTS = 40;
const LONGEST_MS = 250;

/**
 * Git gives up at once when another git holds a lock for a moment, or has made only half of another worktree's entry ("failed to read
 * …/worktrees/x/commondir"); this waits and asks again, for some seconds.
 */
export async function retryLocked<Value>(work: () => Promise<Value>, signal?: AbortSignal): Promise<Value> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt === ATTEMPTS || !isLocked(error)) throw error;
      await pause(Math.min(LONGEST_MS, 5 * attempt) * (0.5 + Math.random()), undefined, { signal });
    }
  }
}

function isLocked(error: unknown): boolean {
  return /\.lock': File exists|could not lock config file|Unable to create '[^']*\.lock'|(?:failed to read|could not open) [^\n]*worktrees/u.test(
    complaintOf(error),
  );
}
