import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

import { OperationError } from "@clauderon/core/contract";
import { processStartTime } from "@clauderon/core/host/processes";

const pauseMs = 20;
const longestWaitMs = 120_000;

/** Runs the body while nobody else does, in this process or another: who holds the file's lock. A dead process's is taken over. */
export async function exclusively<Value>(path: string, body: () => Promise<Value>): Promise<Value> {
  const token = randomUUID();
  const own = `${process.pid} ${processStartTime(process.pid) ?? ""} ${token}`;
  const temporary = `${path}.${token}`;
  await writeFile(temporary, own, { mode: 0o600, flag: "wx" });
  try {
    await take(path, temporary);
    try {
      return await body();
    } finally {
      // Destroying a sandbox removes the lock with all else.
      if ((await readOrUndefined(path)) === own) await rm(path, { force: true });
    }
  } finally {
    await rm(temporary, { force: true });
  }
}

async function take(path: string, temporary: string): Promise<void> {
  const deadline = performance.now() + longestWaitMs;
  for (;;) {
    try {
      await link(temporary, path);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = await readOrUndefined(path);
    if (holder !== undefined && !isAlive(holder)) await takeAway(path, holder);
    else if (performance.now() > deadline) throw busy(path, holder);
    else await delay(pauseMs);
  }
}

/** By renaming, which only one of several can do; put back when it is a new one's. */
async function takeAway(path: string, holder: string): Promise<void> {
  const moved = `${path}.stale.${randomUUID()}`;
  try {
    await rename(path, moved);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if ((await readOrUndefined(moved)) !== holder) await link(moved, path).catch(() => undefined);
  await rm(moved, { force: true });
}

function isAlive(holder: string): boolean {
  const [processId, startTime] = holder.split(" ");
  const found = processStartTime(Number(processId));
  return found !== undefined && (startTime === "" || found === startTime);
}

async function readOrUndefined(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function busy(path: string, holder: string | undefined): OperationError {
  return new OperationError({
    message: "Another process works on this sandbox",
    why: `it holds ${path}${holder === undefined ? "" : ` (process ${holder.split(" ")[0] ?? ""})`}`,
    fix: ["try again when it has ended"],
  });
}
