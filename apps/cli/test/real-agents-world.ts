import { execFile, execFileSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { eventually as eventuallyWithin } from "./eventually.ts";
import { endProcessesOf, findProcesses, type FoundProcess } from "./found-processes.ts";
import { mainProgram } from "./installation.ts";
import { runProgram, type Ran } from "./run-program.ts";

const {
  CLAUDERON_TEST_AGENTS: agentPrograms = "",
  CLAUDERON_TEST_ZELLIJ: zellij = "",
  CLAUDERON_TEST_MODEL_URL: modelUrl = "",
  CLAUDERON_TEST_MODEL_KEY: modelKey = "",
} = process.env;

/** What the tests ask of one request that reached the model. */
export interface ModelRequest {
  readonly prompt?: string;
  readonly model?: string;
  readonly isSideCall?: boolean;
  readonly status: number;
}

export interface WorldRunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** Why nothing of an agent or of a backend can be run here; `undefined` = it can. */
export function whyMissing(what: string): string | undefined {
  if (what === "local") return undefined;
  if (what === "zellij") return existsSync(zellij) ? undefined : "CLAUDERON_TEST_ZELLIJ does not name a zellij program";
  if (!existsSync(join(agentPrograms, what))) return `CLAUDERON_TEST_AGENTS has no ${what}`;
  return modelUrl === "" ? "CLAUDERON_TEST_MODEL_URL is not set" : undefined;
}

/** What a user has answered to Claude Code once; nothing about folders. */
const CLAUDE_ANSWERS = JSON.stringify({
  hasCompletedOnboarding: true,
  customApiKeyResponses: { approved: [modelKey.slice(-20)] },
});

/** A user of this machine: a home where each agent has its login, a repository, and an installation that `init` has set up. */
export class RealAgentsWorld implements AsyncDisposable {
  // Short: the path of a socket has at most 107 bytes.
  readonly directory: string = realpathSync(mkdtempSync("/tmp/cr-"));
  readonly userHome: string = join(this.directory, "u");
  readonly home: string = join(this.directory, "c");
  readonly repository: string = join(this.directory, "project");
  readonly environment: Readonly<Record<string, string>>;
  readonly #started = new Set<ChildProcess>();

  constructor(backend: string) {
    const system = [dirname(process.execPath), "/usr/local/bin", "/usr/bin", "/bin"];
    this.environment = {
      HOME: this.userHome,
      LANG: "C.UTF-8",
      TERM: "xterm-256color",
      SHELL: "/bin/bash",
      PATH: [agentPrograms, ...(zellij === "" ? [] : [dirname(zellij)]), ...system].join(":"),
      ZELLIJ_SOCKET_DIR: join(this.directory, "s"),
      CLAUDERON_HOME: this.home,
      CLAUDERON_PORT: "0",
      CLAUDERON_BACKEND: backend,
      ANTHROPIC_BASE_URL: modelUrl,
      ANTHROPIC_API_KEY: modelKey,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL: "1",
      CLAUDE_CODE_MAX_RETRIES: "0",
      CODEX_API_KEY: modelKey,
      GOOGLE_GEMINI_BASE_URL: modelUrl,
      GEMINI_API_KEY: modelKey,
    };
  }

  async prepare(): Promise<void> {
    mkdirSync(join(this.directory, "s"), { mode: 0o700 });
    this.#write(".claude.json", CLAUDE_ANSWERS);
    this.#write(".codex/auth.json", JSON.stringify({ auth_mode: "apikey", OPENAI_API_KEY: modelKey }));
    this.#write(
      ".codex/config.toml",
      `openai_base_url = "${modelUrl}/v1"\nanalytics.enabled = false\nfeatures.plugins = false\n`,
    );
    this.#write(
      ".gemini/settings.json",
      JSON.stringify({
        security: { auth: { selectedType: "gemini-api-key" } },
        privacy: { usageStatisticsEnabled: false },
        general: { enableAutoUpdateNotification: false },
      }),
    );
    const identity = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid"];
    this.#git("init", "--quiet", "--initial-branch=main", this.repository);
    writeFileSync(join(this.repository, "file.txt"), "one\n");
    this.#git("-C", this.repository, "add", ".");
    this.#git(...identity, "-C", this.repository, "commit", "--quiet", "--message=first");
    await this.expect("init", "--yes", "--trust-worktrees");
    for (const agent of ["codex", "gemini"])
      await this.expect("config", "set", `agents.${agent}.trust_worktrees`, "true");
  }

  /** Another place for Claude Code's files, for CLAUDE_CONFIG_DIR: signed in, no folder trusted. */
  claudeDirectory(name: string): string {
    this.#write(join(name, ".claude.json"), CLAUDE_ANSWERS);
    return join(this.userHome, name);
  }

  /** The user's own `zellij …`. */
  async zellij(...args: readonly string[]): Promise<void> {
    await promisify(execFile)(zellij, [...args], { env: this.environment });
  }

  async daemonPid(): Promise<number> {
    return (JSON.parse(await this.expect("daemon", "status", "--json")) as { readonly pid: number }).pid;
  }

  #write(name: string, content: string): void {
    const path = join(this.userHome, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content, { mode: 0o600 });
  }

  #git(...args: readonly string[]): void {
    execFileSync("git", [...args], { env: this.environment, stdio: "ignore" });
  }

  worktree(name: string): string {
    return join(this.home, "worktrees", name);
  }

  /** Runs the command line to its end, whatever the exit code. */
  async cli(args: readonly string[], options: WorldRunOptions = {}): Promise<Ran> {
    let started: ChildProcess | undefined;
    try {
      return await runProgram([...mainProgram, ...args], {
        cwd: this.repository,
        environment: { ...this.environment, ...options.environment },
        input: options.input,
        onStart: (child) => {
          started = child;
          this.#started.add(child);
        },
      });
    } finally {
      if (started !== undefined) this.#started.delete(started);
    }
  }

  /** Standard output of a command line that must succeed. */
  async expect(...args: readonly string[]): Promise<string> {
    const ran = await this.cli(args);
    if (ran.code === 0) return ran.stdout;
    throw new Error(`clauderon ${args.join(" ")}: ${String(ran.code)}\n${ran.stdout}${ran.stderr}`);
  }

  async status(name: string): Promise<Readonly<Record<string, unknown>>> {
    return JSON.parse(await this.expect("status", name, "--json")) as Readonly<Record<string, unknown>>;
  }

  /** The agents' own files of conversations in which a text stands; path and content. */
  conversations(text: string): readonly { readonly path: string; readonly content: string }[] {
    return [".claude/projects", ".codex/sessions", ".gemini/tmp"]
      .map((name) => join(this.userHome, name))
      .filter((root) => existsSync(root))
      .flatMap((root) =>
        readdirSync(root, { recursive: true, encoding: "utf8" })
          .filter((name) => name.endsWith(".jsonl"))
          .map((name) => ({ path: join(root, name), content: readFileSync(join(root, name), "utf8") })),
      )
      .filter(({ content }) => content.includes(text));
  }

  /** Processes of this user that are no part of clauderon itself; with a session's id, those of the session. */
  agentProcesses(sessionId?: string): readonly FoundProcess[] {
    const wanted = sessionId === undefined ? `HOME=${this.userHome}` : `/${sessionId}`;
    const isOurs = (variable: string): boolean =>
      variable === wanted || (variable.startsWith("CLAUDERON_SANDBOX_ID=") && variable.endsWith(wanted));
    return findProcesses(({ variables }) => variables.some(isOurs));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#started) child.kill("SIGKILL");
    await this.cli(["delete", "--all", "--discard", "--yes"]);
    await this.cli(["daemon", "stop"]);
    await endProcessesOf(this.directory);
    await rm(this.directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

/** As long as a real agent may take. */
export function eventually<T>(look: () => T | undefined | Promise<T | undefined>, what: string): Promise<T> {
  return eventuallyWithin(look, what, 150_000);
}

/** The requests of a session's own prompt that reached the model, in order: one for each turn of the model. */
export async function modelRequests(mark: string): Promise<readonly ModelRequest[]> {
  const answer = await fetch(`${modelUrl}/_log`);
  const log = (await answer.json()) as readonly ModelRequest[];
  return log.filter((entry) => entry.isSideCall !== true && entry.prompt?.includes(mark) === true);
}
