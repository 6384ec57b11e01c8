import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { createClient } from "@clauderon/core";
import type { Clauderon } from "@clauderon/core/contract";

/** The built program: what users run. */
const program = path.resolve(import.meta.dirname, "../../apps/cli/bin/clauderon.js");

export interface BenchDaemon extends AsyncDisposable {
  readonly root: string;
  readonly home: string;
  readonly pid: number;
  readonly clauderon: Clauderon;
  /** From the start of the process to its first answer. */
  readonly startMs: number;
}

/** A folder of its own, short enough for sockets. */
export function makeRoot(): Promise<string> {
  return mkdtemp(path.join(tmpdir(), "cb-"));
}

/** The built daemon over a home of its own; `config` is its config.toml. */
export async function startBenchDaemon(options: {
  readonly root: string;
  readonly config?: string;
}): Promise<BenchDaemon> {
  const { root, config = "" } = options;
  const home = path.join(root, "h");
  await mkdir(home, { recursive: true, mode: 0o700 });
  await writeFile(path.join(home, "config.toml"), config);
  const startedMs = performance.now();
  const child = spawn(process.execPath, [program, "daemon", "run"], {
    env: { ...process.env, CLAUDERON_HOME: home, CLAUDERON_PORT: "0" },
    stdio: ["ignore", "ignore", "ignore"],
  });
  const clauderon = createClient({ homeDirectory: home, startDaemon: false });
  await untilAnswers(clauderon, child);
  const startMs = performance.now() - startedMs;
  if (child.pid === undefined) throw new Error("the daemon has no process");
  return {
    root,
    home,
    pid: child.pid,
    clauderon,
    startMs,
    async [Symbol.asyncDispose]() {
      for (const { id } of await clauderon.sessions.list())
        await (await clauderon.sessions.get(id)).delete({ discard: true });
      await clauderon.close();
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
      await rm(root, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function untilAnswers(clauderon: Clauderon, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode}`);
    try {
      await clauderon.sessions.list();
      return;
    } catch {
      // It does not answer yet; asking without a pause would take the machine from it.
      await delay(5);
    }
  }
}
