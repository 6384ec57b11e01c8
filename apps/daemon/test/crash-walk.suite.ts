import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { crashPointNames, createClient } from "@clauderon/core";
import type { Clauderon, SessionDetail } from "@clauderon/core/contract";
import { fakeAgentPath } from "@clauderon/core/testing";
import { afterAll, describe, expect, it } from "vitest";

import { editSessions } from "./edit-sessions.ts";
import { until } from "./until.ts";

export interface CrashWalk {
  readonly backend: string;
  /** Why the backend cannot be used here. */
  readonly unavailable?: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  /** Names of what the backend has outside for sessions of the home: zellij sessions, say. */
  outside(home: string): readonly string[];
  /** Ends what keeps the agents alive, as a reboot would. */
  endKeepers(home: string): void;
}

const prompt = "write hello.txt hi";
/** Far more than a daemon needs to answer; a hung one fails the test. */
const deadlineMs = 30_000;

/** Ends the real daemon at every crash point, starts it again, and compares the world with the record. */
export function describeCrashWalk(walk: CrashWalk): void {
  const settleTimes: number[] = [];
  const failures: string[] = [];

  describe.skipIf(walk.unavailable !== undefined)(`kill -9 of the daemon, ${walk.backend} backend`, () => {
    afterAll(() => {
      const sorted = settleTimes.toSorted((left, right) => left - right);
      const quantile = (share: number): number =>
        Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
      const table = [
        `${walk.backend}: ${settleTimes.length} crash points, ${failures.length} failures, settled after ${quantile(0.5)} ms (p50), ${quantile(0.95)} ms (p95)`,
        ...failures.map((failure) => `  ${failure}`),
      ];
      process.stdout.write(`${table.join("\n")}\n`);
    });

    it.each(crashPointNames)("at %s loses nothing and leaves nothing", async (point) => {
      await using home = new CrashHome(walk);
      try {
        await prepare(home, point);
        await home.start(point);
        await act(home, point).catch(() => undefined);
        await home.ended();

        home.setAgentMissing(false);
        const startedMs = performance.now();
        const clauderon = await home.start();
        await settled(home, clauderon);
        settleTimes.push(performance.now() - startedMs);
        await expectAgreement(home, clauderon, point);
        await finish(home, clauderon, point);
      } catch (error) {
        failures.push(`${point}: ${error instanceof Error ? error.message : String(error)}`);
        throw error;
      }
    });
  });
}

/** What is there before the call that is cut off. */
async function prepare(home: CrashHome, point: string): Promise<void> {
  if (point.startsWith("create.")) {
    home.setAgentMissing(point.startsWith("create.und"));
    return;
  }
  const clauderon = await home.start();
  const session = await home.create(clauderon);
  await home.promptDelivered();
  if (point.startsWith("start.") || point.startsWith("reconcile.adopt")) await session.stop({ graceMs: 1000 });
  if (point.startsWith("start.und")) home.setAgentMissing(true);
  if (point.startsWith("reconcile.adopt")) {
    await session.start();
    await home.kill();
    await editSessions(home.databasePath, (state) => ({ ...state, lifecycle: "stopped" }));
    return;
  }
  await home.kill();
  if (point.startsWith("reconcile.destroy-sandbox") || point.startsWith("reconcile.remove-workspace")) {
    home.removeFile("hello.txt");
    await editSessions(home.databasePath, () => undefined);
  }
  if (point.startsWith("reconcile.mark-lost")) home.endKeepers();
  if (point.startsWith("reconcile.mark-drifted")) await home.endAgent();
}

/** The call that is cut off. */
async function act(home: CrashHome, point: string): Promise<void> {
  const clauderon = home.clauderon;
  if (point.startsWith("create.")) await home.create(clauderon);
  else if (point.startsWith("start.")) await (await clauderon.sessions.get("fix")).start();
  else if (point.startsWith("stop.")) await (await clauderon.sessions.get("fix")).stop({ graceMs: 1000 });
  else if (point.startsWith("delete.")) await (await clauderon.sessions.get("fix")).delete({ discard: true });
  else if (point.startsWith("watch."))
    await (await clauderon.sessions.get("fix")).exec(["pkill", "-KILL", "-f", home.agentMark]);
  // Reconcile runs by itself at the start.
}

/** A stop that goes on shows as `running` until it has ended: the processes must agree too. */
async function settled(home: CrashHome, clauderon: Clauderon): Promise<void> {
  for (;;) {
    // No operation is in progress any more, whichever way it ended.
    for (const { id } of await clauderon.sessions.list()) {
      const session = await clauderon.sessions.get(id).catch(() => undefined);
      await session?.ready().catch(() => undefined);
    }
    const { findings } = await clauderon.reconcile({ isDryRun: true });
    const sessions = await clauderon.sessions.list();
    const running = sessions.filter((session) => session.lifecycle === "running");
    if (
      findings.length === 0 &&
      home.agentProcesses().length === running.length &&
      sessions.every((session) => session.lifecycle !== "creating" && session.lifecycle !== "deleting")
    )
      return;
  }
}

async function expectAgreement(home: CrashHome, clauderon: Clauderon, point: string): Promise<void> {
  const sessions = await clauderon.sessions.list();
  const mayBeGone =
    point.startsWith("delete.") ||
    point === "create.requested.before-write" ||
    point.startsWith("reconcile.destroy") ||
    point.startsWith("reconcile.remove");
  if (!mayBeGone) expect(sessions.map((session) => session.name)).toEqual(["fix"]);
  const [session] = sessions;
  const detail: SessionDetail | undefined =
    session === undefined ? undefined : await (await clauderon.sessions.get(session.id)).detail();
  expect(["running", "stopped", "failed", undefined]).toContain(detail?.lifecycle);
  expect(home.agentProcesses().length).toBe(detail?.lifecycle === "running" ? 1 : 0);
  const hasWorkspace = detail !== undefined && !(detail.lifecycle === "failed" && point.startsWith("create."));
  expect(home.worktrees()).toEqual(hasWorkspace ? ["fix"] : []);
  expect(home.branches()).toEqual(hasWorkspace ? ["clauderon/fix"] : []);
  expect(home.outside().length).toBeLessThanOrEqual(1);
  expect(home.prompts().length).toBeLessThanOrEqual(1);
}

/** The same call again ends well, and deletion leaves nothing. */
async function finish(home: CrashHome, clauderon: Clauderon, point: string): Promise<void> {
  if (point.startsWith("create.")) {
    await home.create(clauderon).catch(() => undefined);
    const session = await clauderon.sessions.get("fix");
    await session.start({ environment: home.environment });
    await home.promptDelivered();
    expect(home.prompts()).toEqual([prompt]);
  }
  for (const { id } of await clauderon.sessions.list()) {
    const session = await clauderon.sessions.get(id);
    await session.delete({ discard: true });
  }
  expect(home.agentProcesses()).toEqual([]);
  expect(home.worktrees()).toEqual([]);
  expect(home.branches()).toEqual([]);
  expect(home.outside()).toEqual([]);
}

/** One home with one repository, and its daemon as a process of its own. */
class CrashHome implements AsyncDisposable {
  readonly #root: string = mkdtempSync(path.join(tmpdir(), "clauderon-crash-"));
  readonly #walk: CrashWalk;
  #daemon: ChildProcess | undefined;
  #clauderon: Clauderon | undefined;

  constructor(walk: CrashWalk) {
    this.#walk = walk;
    mkdirSync(this.home, { mode: 0o700 });
    this.#git("init", "--quiet", "--initial-branch=main", this.repository);
    writeFileSync(path.join(this.repository, "a.txt"), "one\n");
    this.#git("-C", this.repository, "add", "-A");
    this.#git(
      "-C",
      this.repository,
      "-c",
      "user.name=t",
      "-c",
      "user.email=t@example.org",
      "commit",
      "--quiet",
      "-m",
      "first",
    );
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

  async start(crashAt?: string): Promise<Clauderon> {
    const main = path.resolve(import.meta.dirname, "../src/main.ts");
    this.#daemon = spawn(process.execPath, ["--conditions", "@clauderon/source", main], {
      env: {
        ...process.env,
        ...this.#walk.environment,
        CLAUDERON_HOME: this.home,
        CLAUDERON_PORT: "0",
        ...(crashAt === undefined ? {} : { CLAUDERON_CRASH_AT: crashAt }),
      },
      stdio: ["ignore", "ignore", "inherit"],
    });
    this.#clauderon = createClient({ homeDirectory: this.home, startDaemon: false });
    const ended = once(this.#daemon, "exit");
    const address = path.join(this.home, "daemon.json");
    const isReady = (): boolean =>
      existsSync(address) && readFileSync(address, "utf8").includes(`"pid":${this.#daemon?.pid}`);
    // A daemon that dies in its first reconcile may never answer.
    await Promise.race([ended, until(isReady, "the daemon did not start")]);
    return this.#clauderon;
  }

  create(clauderon: Clauderon): ReturnType<Clauderon["sessions"]["create"]> {
    return clauderon.sessions.create({
      repository: this.repository,
      name: "fix",
      prompt,
      backend: this.#walk.backend,
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

  /** Resolves when the daemon has killed itself. */
  async ended(): Promise<void> {
    if (this.#daemon === undefined || this.#daemon.signalCode !== null || this.#daemon.exitCode !== null) {
      expect(this.#daemon?.signalCode).toBe("SIGKILL");
      return;
    }
    const [, signal] = (await once(this.#daemon, "exit", { signal: AbortSignal.timeout(deadlineMs) })) as [
      unknown,
      string | null,
    ];
    expect(signal).toBe("SIGKILL");
  }

  async kill(): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
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

  async promptDelivered(): Promise<void> {
    await until(() => this.prompts().length > 0, "the prompt was not delivered");
  }

  async endAgent(): Promise<void> {
    for (const pid of this.agentProcesses()) process.kill(pid, "SIGKILL");
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

  removeFile(name: string): void {
    rmSync(path.join(this.home, "worktrees", "fix", name), { force: true });
  }

  endKeepers(): void {
    this.#walk.endKeepers(this.home);
  }

  outside(): readonly string[] {
    return this.#walk.outside(this.home);
  }

  worktrees(): readonly string[] {
    const directory = path.join(this.home, "worktrees");
    const listed =
      this.#git("-C", this.repository, "worktree", "list", "--porcelain").match(/^worktree .*\/h\/worktrees\/.*$/gm) ??
      [];
    const present = existsSync(directory) ? readdirSync(directory) : [];
    expect(listed.map((line) => path.basename(line))).toEqual(present);
    return present;
  }

  branches(): readonly string[] {
    return this.#git("-C", this.repository, "for-each-ref", "--format=%(refname:short)", "refs/heads/clauderon")
      .split("\n")
      .filter((line) => line !== "");
  }

  #git(...args: readonly string[]): string {
    return execFileSync("git", args, { encoding: "utf8" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#clauderon?.close();
    await this.kill();
    for (const pid of this.agentProcesses()) process.kill(pid, "SIGKILL");
    this.#walk.endKeepers(this.home);
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}
