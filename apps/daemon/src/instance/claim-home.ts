import { stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

import { DaemonError, FileError } from "@clauderon/core/contract";
import { makePrivateDirectory } from "@clauderon/core/host";

import { askHealth } from "./ask-health.ts";
import { readDaemonFile, removeDaemonFile } from "./daemon-file.ts";
import { tryHomeLock, type HomeLock } from "./home-lock.ts";

/** How long a loser waits for a winner that has not said where it answers, and for one that has but does not answer. */
const STARTING_MS = 60_000;
const SILENT_MS = 10_000;
/** Between looks, growing: many losers must not slow the winner down. */
const FIRST_LOOK_MS = 25;
const LONGEST_LOOK_MS = 400;

/**
 * Makes this process the one daemon of the home. Rejects with `daemon.already-running`, naming the other's process and address, having changed
 * nothing; with `file.failed` when the home cannot be made or written; with the signal's reason.
 */
export async function claimHome(homeDirectory: string, signal: AbortSignal): Promise<HomeLock> {
  await makeHome(homeDirectory);
  const startedMs = performance.now();
  let lookMs = FIRST_LOOK_MS;
  for (;;) {
    signal.throwIfAborted();
    const lock = take(homeDirectory);
    if (lock !== undefined) {
      // What a daemon that was killed left behind.
      await removeDaemonFile(homeDirectory);
      return lock;
    }
    const winner = await readDaemonFile(homeDirectory);
    const waitedMs = performance.now() - startedMs;
    if (winner !== undefined) {
      const isAnswering = (await askHealth(winner.url))?.pid === winner.pid;
      if (isAnswering) throw alreadyRunning(homeDirectory, { pid: winner.pid, url: winner.url });
      if (waitedMs > SILENT_MS) throw stuck(homeDirectory, { pid: winner.pid, url: winner.url });
    }
    if (waitedMs > STARTING_MS) throw stuck(homeDirectory);
    await delay(lookMs, undefined, { signal });
    lookMs = Math.min(lookMs * 2, LONGEST_LOOK_MS);
  }
}

async function makeHome(homeDirectory: string): Promise<void> {
  try {
    await makePrivateDirectory(homeDirectory);
    if ((await stat(homeDirectory)).isDirectory()) return;
  } catch (error) {
    throw unusableHome(homeDirectory, error);
  }
}

function take(homeDirectory: string): HomeLock | undefined {
  try {
    return tryHomeLock(homeDirectory);
  } catch (error) {
    throw unusableHome(homeDirectory, error);
  }
}

function unusableHome(homeDirectory: string, cause: unknown): FileError {
  return new FileError({
    message: `clauderon's home ${homeDirectory} cannot be written`,
    why: cause instanceof Error ? cause.message : String(cause),
    fix: [`make it writable for you: chmod u+rwx ${homeDirectory}`, "or use another: CLAUDERON_HOME=DIRECTORY"],
    context: { path: homeDirectory },
    cause,
  });
}

function alreadyRunning(homeDirectory: string, winner: { readonly pid: number; readonly url: string }): DaemonError {
  return new DaemonError({
    code: "daemon.already-running",
    message: `A daemon of ${homeDirectory} runs already: process ${winner.pid}, ${winner.url}`,
    fix: ["use it: clauderon list", "or replace it: clauderon daemon restart"],
    context: { home: homeDirectory, ...winner },
  });
}

function stuck(homeDirectory: string, winner?: { readonly pid: number; readonly url: string }): DaemonError {
  const name = winner === undefined ? "" : ` (process ${winner.pid}, ${winner.url})`;
  return new DaemonError({
    code: "daemon.already-running",
    message: `Another daemon of ${homeDirectory}${name} holds it and does not answer`,
    fix: ["replace it, sessions go on: clauderon daemon restart"],
    context: { home: homeDirectory, ...winner },
  });
}
