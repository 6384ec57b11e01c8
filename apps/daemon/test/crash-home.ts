import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { createClient } from "@clauderon/core";
import type { Clauderon } from "@clauderon/core/contract";
import { fakeAgentPath } from "@clauderon/core/testing";

import { daemonPid } from "./daemon-pid.ts";
import { daemonProgram } from "./daemon-program.ts";
import { makeRepository } from "./daemon-rig.ts";
import { killProcess } from "./kill-process.ts";
import { until } from "./until.ts";

/** What a backend has outside of clauderon's home: zellij sessions, say. One for each home. */
export interface CrashWorld extends Disposable {
  readonly environment: Readonly<Record<string, string>>;
  /** Names of what the backend has outside for sessions. */
  sessions(): readonly string[];
  /** Ends what keeps the agents alive, as a reboot would; resolves when that is gone. */
  endKeepers(): Promise<void>;
}

/** The prompt of the one session. */
export const crashPrompt = "write hello.txt hi";

/** One home with one repository, and its daemon as a process of its own. */
export class CrashHome implements AsyncDisposable {
  readonly #root: string = mkdtempSync(path.join(tmpdir(), "clauderon-crash-"));
  readonly #backend: string;
  readonly #world: CrashWorld;
  #daemon: ChildProcess | undefined;
  #clauderon: Clauderon | undefined;

  constructor(backend: string, openWorld: (home: string) => CrashWorld) {
    this.#backend = backend;
    mkdirSync(this.home, { mode: 0o700 });
    this.#world = openWorld(this.home);
    makeRepository(this.repository);
    this.setAgentMissing(false);
  }

  get home(): string {
    return path.join(this.#root, "h");
  }

  get repository(): string {
    return path.join(this.#root, "repository");
  }

  get databasePath(): string {
    return path.join(this.home, "db.sqlite");
  }

  /** In the command line of every agent of this home, and of nothing else. */
  get agentMark(): string {
    return `agent-of-${path.basename(this.#root)}`;
  }

  get clauderon(): Clauderon {
    if (this.#clauderon === undefined) throw new Error("the daemon was not started");
    return this.#clauderon;
  }

  setAgentMissing(isMissing: boolean): void {
    const program = path.join(this.#root, this.agentMark);
    if (isMissing) rmSync(program, { force: true });
    else
      writeFileSync(
        program,
        `#!/bin/sh\nexec "${process.execPath}" "${fakeAgentPath()}" --model ${this.agentMark} "$@"\n`,
        { mode: 0o755 },
      );
    writeFileSync(path.join(this.home, "config.toml"), `[agents.fake]\ncommand = [${JSON.stringify(program)}]\n`);
  }

  /** Resolves when the daemon answers, or has been ended by the crash point: in its first reconcile it may never answer. */
  async start(crashAt?: string): Promise<Clauderon> {
    const [program, ...args] = daemonProgram;
    const environment = { ...process.env, ...this.#world.environment };
    const daemon = spawn(program, args, {
      env: {
        ...environment,
        CLAUDERON_HOME: this.home,
        CLAUDERON_PORT: "0",
        ...(crashAt === undefined ? {} : { CLAUDERON_CRASH_AT: crashAt }),
      },
      stdio: ["ignore", "ignore", "inherit"],
    });
    this.#daemon = daemon;
    await this.#clauderon?.close();
    this.#clauderon = createClient({ homeDirectory: this.home, environment, startDaemon: false });
    await until(() => hasEnded(daemon) || daemonPid(this.home) === daemon.pid, "the daemon did not start");
    if (hasEnded(daemon) && (crashAt === undefined || daemon.signalCode !== "SIGKILL"))
      throw new Error(`the daemon ended with ${daemon.exitCode ?? daemon.signalCode} when it was started`);
    return this.#clauderon;
  }

  create(clauderon: Clauderon): ReturnType<Clauderon["sessions"]["create"]> {
    return clauderon.sessions.create({
      repository: this.repository,
      name: "fix",
      prompt: crashPrompt,
      backend: this.#backend,
      agent: "fake",
      idempotencyKey: "the-key",
      environment: this.environment,
    });
  }

  /** What callers of this home add to a session's environment. */
  get environment(): Readonly<Record<string, string>> {
    return { FAKE_AGENT_LOG: this.#agentLog };
  }

  get #agentLog(): string {
    return path.join(this.#root, "agent.log");
  }

  /** Resolves with what ended the daemon. */
  async ended(complaint: () => string): Promise<NodeJS.Signals | number | null> {
    const daemon = this.#daemon;
    if (daemon === undefined) throw new Error("the daemon was not started");
    await until(() => hasEnded(daemon), complaint);
    return daemon.signalCode ?? daemon.exitCode;
  }

  async kill(): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined || hasEnded(daemon)) return;
    const ended = once(daemon, "exit");
    daemon.kill("SIGKILL");
    await ended;
  }

  prompts(): readonly string[] {
    if (!existsSync(this.#agentLog)) return [];
    // The file is there a moment before its first line, and a line before its end.
    const lines = readFileSync(this.#agentLog, "utf8").split("\n").slice(0, -1);
    return lines.flatMap((line) => {
      const entry = JSON.parse(line) as { readonly event: string; readonly prompt?: string };
      return entry.event === "prompt" && entry.prompt !== undefined ? [entry.prompt] : [];
    });
  }

  /** The agent has been given the prompt and has done what it says. */
  async promptDelivered(): Promise<void> {
    await until(() => this.prompts().length > 0, "the prompt was not delivered");
    await until(() => existsSync(this.#workFile), "the agent did not do what the prompt says");
  }

  /** Takes the agent's work away, so that its worktree holds nothing. */
  removeWork(): void {
    rmSync(this.#workFile);
  }

  get #workFile(): string {
    return path.join(this.home, "worktrees", "fix", "hello.txt");
  }

  async endAgent(): Promise<void> {
    for (const pid of this.agentProcesses()) killProcess(pid);
    await until(() => this.agentProcesses().length === 0, "the agent did not end");
  }

  /** Process ids of the fake agents themselves. */
  agentProcesses(): readonly number[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => {
        try {
          const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
          return argv.includes(this.agentMark) && argv.includes(fakeAgentPath());
        } catch {
          // It ended between the two looks.
          return false;
        }
      });
  }

  async endKeepers(): Promise<void> {
    await this.#world.endKeepers();
  }

  outside(): readonly string[] {
    return this.#world.sessions();
  }

  /** Those that are there. */
  worktrees(): readonly string[] {
    const directory = path.join(this.home, "worktrees");
    return existsSync(directory) ? readdirSync(directory) : [];
  }

  /** Those that git knows. */
  knownWorktrees(): readonly string[] {
    const list = this.#git("worktree", "list", "--porcelain");
    return (list.match(/^worktree .*\/h\/worktrees\/.*$/gm) ?? []).map((line) => path.basename(line));
  }

  branches(): readonly string[] {
    return this.#git("for-each-ref", "--format=%(refname:short)", "refs/heads/clauderon")
      .split("\n")
      .filter((line) => line !== "");
  }

  #git(...args: readonly string[]): string {
    return execFileSync("git", ["-C", this.repository, ...args], { encoding: "utf8" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#clauderon?.close();
    await this.kill();
    await this.endAgent();
    await this.endKeepers();
    // One that was just being started.
    await this.endAgent();
    this.#world[Symbol.dispose]();
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

function hasEnded(daemon: ChildProcess): boolean {
  return daemon.exitCode !== null || daemon.signalCode !== null;
}
