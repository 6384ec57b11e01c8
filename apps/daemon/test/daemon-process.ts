import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { findRunningDaemon } from "@clauderon/core";
import { fakeAgentPath } from "@clauderon/core/testing";

import { daemonProgram } from "./daemon-program.ts";
import { makeRepository } from "./daemon-rig.ts";
import { endSessionHost } from "./end-session-host.ts";
import { killProcess } from "./kill-process.ts";

/** A real daemon process that was started. */
export interface StartedProcess {
  readonly child: ChildProcess;
  /** Resolves with exit code (or signal) and all it said on standard error. */
  readonly ended: Promise<{ readonly code: number | string; readonly stderr: string }>;
}

/** A home with a configuration that knows the fake agent, and a repository. */
export class TestHome implements AsyncDisposable {
  readonly root: string = mkdtempSync(path.join(tmpdir(), "clauderon-process-"));
  readonly home: string = path.join(this.root, "h");
  readonly repository: string = makeRepository(path.join(this.root, "repository"));
  readonly #started: StartedProcess[] = [];

  constructor() {
    mkdirSync(this.home, { mode: 0o700 });
    const command = JSON.stringify([process.execPath, fakeAgentPath()]);
    writeFileSync(
      path.join(this.home, "config.toml"),
      `[general]\ndefault_backend = "local"\ndefault_agent = "fake"\n[agents.fake]\ncommand = ${command}\n`,
    );
  }

  get environment(): NodeJS.ProcessEnv {
    return { ...process.env, CLAUDERON_HOME: this.home, CLAUDERON_PORT: "0" };
  }

  start(environment: NodeJS.ProcessEnv = {}, command: readonly [string, ...string[]] = daemonProgram): StartedProcess {
    const [program, ...args] = command;
    const child = spawn(program, args, {
      env: { ...this.environment, ...environment },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const ended = once(child, "close").then(([code, signal]) => ({
      code: (code as number | null) ?? String(signal),
      stderr,
    }));
    const started = { child, ended };
    this.#started.push(started);
    return started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.#started) child.kill("SIGKILL");
    await Promise.all(this.#started.map(({ ended }) => ended));
    // One that a client or a command in a session started.
    const running = await findRunningDaemon(this.home);
    if (running !== undefined) killProcess(running.pid);
    await endSessionHost(this.home);
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}
