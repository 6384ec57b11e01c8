import { spawn } from "node:child_process";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { z } from "zod";

import type { ClauderonError } from "../contract/errors/clauderon-error.ts";
import { DaemonError } from "../contract/errors/daemon-error.ts";
import { FileError } from "../contract/errors/file-error.ts";
import { errorFromJson } from "../contract/errors/from-json.ts";
import { makePrivateDirectory } from "../host/make-private-directory.ts";
import { endGroup } from "../host/process-group.ts";
import { processTable } from "../host/processes/process-table.ts";
import { keeperEnvironment } from "../host/without-session-marks.ts";
import type { DaemonFile } from "../wire/daemon-schema.ts";
import { parseJson } from "../wire/parse-json.ts";
import { errorSchema } from "../wire/problem.ts";
import { findDaemonProgram } from "./daemon-program.ts";
import { findRunningDaemon } from "./find-running-daemon.ts";

interface StartOptions {
  readonly homeDirectory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly program?: readonly [string, ...string[]] | undefined;
  readonly signal?: AbortSignal | undefined;
}

const READY_MS = 30_000;
const LOOK_MS = 15;

/** Starts a daemon that outlives this process, and resolves when it answers. */
export async function startDaemonProcess(options: StartOptions): Promise<DaemonFile> {
  const { homeDirectory, environment, signal } = options;
  const [program, ...args] = options.program ?? (await findDaemonProgram(environment));
  const output = await openStartLog(homeDirectory);
  try {
    const child = spawn(program, [...args, "daemon", "run"], {
      detached: true,
      // A daemon keeps no directory of its caller's busy.
      cwd: homeDirectory,
      stdio: ["ignore", "ignore", output.handle.fd],
      // The mark of what outlives sessions, whoever started it.
      env: { ...keeperEnvironment(environment), CLAUDERON_HOME: homeDirectory },
    });
    let end: { readonly cause?: Error; readonly code?: number | null } | undefined;
    child.once("error", (cause) => {
      end = { cause };
    });
    child.once("exit", (code) => {
      end ??= { code };
    });
    child.unref();
    let refusal: ClauderonError | undefined;
    const deadline = Date.now() + READY_MS;
    while (Date.now() < deadline) {
      signal?.throwIfAborted();
      const file = await findRunningDaemon(homeDirectory, signal);
      if (file !== undefined) {
        if (end === undefined && child.pid !== undefined) await endUnneeded(child.pid, file.pid);
        return file;
      }
      if (end !== undefined) {
        refusal ??= await startFailure(output.path, end);
        // Somebody else's daemon was faster: it is waited for.
        if (refusal.code !== "daemon.already-running") throw refusal;
      }
      await delay(LOOK_MS);
    }
    if (refusal !== undefined) throw refusal;
    throw new DaemonError({
      message: `The clauderon daemon did not answer within ${READY_MS / 1000} s`,
      fix: ["see its log: clauderon daemon logs", "run it in the foreground: clauderon daemon run"],
      context: { home: homeDirectory, pid: child.pid },
    });
  } finally {
    await output.handle.close();
  }
}

/** Somebody else's daemon was faster: ours, still coming up, would become the daemon as soon as that one is stopped. It has nothing yet that could be lost. */
async function endUnneeded(startedId: number, daemonId: number): Promise<void> {
  if (startedId === daemonId) return;
  const { entries } = await processTable();
  // What was started leads a group of its own: a daemon in it was started by it in its turn.
  if (entries.find(({ processId }) => processId === daemonId)?.groupId === startedId) return;
  await endGroup(startedId, 0);
}

async function openStartLog(
  homeDirectory: string,
): Promise<{ readonly path: string; readonly handle: Awaited<ReturnType<typeof open>> }> {
  const directory = join(homeDirectory, "logs");
  // Its own name: two that start a daemon at once must not read each other's errors.
  const path = join(directory, `start-${process.pid % 16}.log`);
  try {
    await makePrivateDirectory(directory);
    return { path, handle: await open(path, "w", 0o600) };
  } catch (cause) {
    throw new FileError({
      message: `clauderon's home ${homeDirectory} cannot be written`,
      why: cause instanceof Error ? cause.message : String(cause),
      fix: [`make it writable for you: chmod u+rwx ${homeDirectory}`, "or use another: CLAUDERON_HOME=DIRECTORY"],
      context: { path: homeDirectory },
      cause,
    });
  }
}

const startErrorSchema = z.object({ error: errorSchema });

/** What the daemon said before it ended: its own error where it is one, else its last words. */
async function startFailure(
  path: string,
  end: { readonly cause?: Error; readonly code?: number | null },
): Promise<ClauderonError> {
  const text = (await readFile(path, "utf8")).trim();
  for (const line of text.split("\n").reverse()) {
    if (!line.startsWith("{")) continue;
    try {
      return errorFromJson(parseJson(line, startErrorSchema).error);
    } catch {
      // A line of the log; the error is another one.
    }
  }
  return new DaemonError({
    message: "The clauderon daemon could not be started",
    why: end.cause?.message ?? (text === "" ? `it ended with ${end.code}` : text.split("\n").slice(-5).join(" | ")),
    fix: ["run it in the foreground to see more: clauderon daemon run", "see its log: clauderon daemon logs"],
    cause: end.cause,
  });
}
