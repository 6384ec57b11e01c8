import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { setImmediate as turn, setTimeout as delay } from "node:timers/promises";

import type { ProcessExit, TerminalSize } from "../../contract/process.ts";
import type { AgentLaunch } from "../../contract/sandbox.ts";
import { loadPty } from "../load-pty.ts";
import { processExit } from "../process-exit.ts";
import { readToEnd } from "../read-to-end.ts";
import { writeTerminal } from "../spawn-process.ts";

const WATCH_MS = 50;
const QUIET_MS = 250;

/** The agent's process, in a terminal or headless. */
export interface AgentChild {
  readonly processId: number;
  /** After the last output. */
  readonly ended: Promise<ProcessExit>;
  write(bytes: Buffer): void;
  resize(size: TerminalSize): void;
  setPaused(isPaused: boolean): void;
}

export interface AgentChildOptions {
  readonly launch: AgentLaunch;
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly onOutput: (bytes: Buffer, source: "stdout" | "stderr") => void;
}

export async function startAgentChild(options: AgentChildOptions): Promise<AgentChild> {
  return options.launch.mode === "terminal" ? startInTerminal(options) : startHeadless(options);
}

async function startInTerminal(options: AgentChildOptions): Promise<AgentChild> {
  const [program, ...args] = options.launch.argv;
  const { spawn: spawnTerminal } = await loadPty();
  const pty = spawnTerminal(program, args, {
    cwd: options.cwd,
    env: { ...options.environment },
    cols: options.launch.size?.columns ?? 80,
    rows: options.launch.size?.rows ?? 24,
    name: options.environment["TERM"] ?? "xterm-256color",
    encoding: null,
  });
  const rest = readToEnd(pty);
  const { promise: ended, resolve } = Promise.withResolvers<ProcessExit>();
  let hasEnded = false;
  let watch: NodeJS.Timeout | undefined;
  // With `encoding: null` the data are bytes, whatever the declaration says.
  pty.onData((data: unknown) => options.onOutput(data as Buffer, "stdout"));
  pty.onExit(({ exitCode, signal }) => {
    hasEnded = true;
    clearInterval(watch);
    resolve(processExit(exitCode, signal));
  });
  // What a paused terminal still holds is read as soon as its process is gone.
  const resumeWhenGone = (): void => {
    if (isAlive(pty.pid)) return;
    clearInterval(watch);
    pty.resume();
  };
  return {
    processId: pty.pid,
    ended,
    write: (bytes) => writeTerminal(pty, bytes),
    resize(size) {
      if (!hasEnded) pty.resize(size.columns, size.rows);
    },
    setPaused(isPaused) {
      if (hasEnded || rest.isEnding()) return;
      clearInterval(watch);
      if (isPaused) {
        pty.pause();
        watch = setInterval(resumeWhenGone, WATCH_MS);
        return;
      }
      pty.resume();
    },
  };
}

async function startHeadless(options: AgentChildOptions): Promise<AgentChild> {
  const [program, ...args] = options.launch.argv;
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.environment,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  child.stdout.on("data", (bytes: Buffer) => options.onOutput(bytes, "stdout"));
  child.stderr.on("data", (bytes: Buffer) => options.onOutput(bytes, "stderr"));
  const ended = new Promise<ProcessExit>((resolve) => {
    child.once("exit", (code, signal) => {
      void Promise.all([drained(child.stdout), drained(child.stderr)]).then(() => resolve(processExit(code, signal)));
    });
  });
  return {
    processId: child.pid ?? 0,
    ended,
    write: () => undefined,
    resize: () => undefined,
    setPaused(isPaused) {
      for (const stream of [child.stdout, child.stderr]) {
        if (isPaused) stream.pause();
        else stream.resume();
      }
    },
  };
}

/** Resolves at the stream's end, or when nothing came for a while because a background process keeps it open. */
async function drained(stream: Readable): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    if (stream.readableEnded || stream.destroyed) resolve();
    stream.once("close", resolve);
    stream.once("end", resolve);
  });
  let received = -1;
  let before = -2;
  stream.on("data", () => {
    received += 1;
  });
  while (before !== received || stream.isPaused()) {
    before = received;
    await Promise.race([delay(QUIET_MS), closed]);
    await turn();
    if (stream.readableEnded || stream.destroyed) return;
  }
  stream.destroy();
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    // ESRCH: gone and reaped.
    return false;
  }
}
