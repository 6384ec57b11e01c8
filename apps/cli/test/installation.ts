import type { ChildProcess } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { createCoreAccess } from "../src/core-access.ts";
import { endProcessesOf } from "./found-processes.ts";
import { runInProcess, type RunResult, type RunSettings } from "./run-in-process.ts";
import { runProgram, type Ran } from "./run-program.ts";

export const mainProgram: readonly [string, ...string[]] = [
  process.execPath,
  "-C",
  "@clauderon/source",
  fileURLToPath(new URL("../src/main.ts", import.meta.url)),
];

export interface RunOptions {
  readonly input?: string;
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly onStart?: (child: ChildProcess) => void;
}

/** Echoes its task, then every line it is given, until it reads `exit N`. */
const AGENT = String.raw`
const [task = ""] = process.argv.slice(2);
process.stdout.write("task: " + task + "\r\n");
process.stderr.write("to-stderr\n");
const exit = /exit (\d+)/.exec(task);
if (exit) process.exit(Number(exit[1]));
if (process.stdin.isTTY) process.stdin.setRawMode(true);
process.on("SIGINT", () => process.stdout.write("got SIGINT\r\n"));
process.stdout.on("resize", () => process.stdout.write("size " + process.stdout.columns + "x" + process.stdout.rows + "\r\n"));
process.stdin.setEncoding("utf8").on("data", (text) => {
  const end = /exit (\d+)/.exec(text);
  if (end) process.exit(Number(end[1]));
  if (/modes/.test(text)) process.stdout.write("\x1b[?1049h\x1b[?1003h\x1b[?1006h\x1b[?2004h\x1b[?25lmodes on\r\n");
  else process.stdout.write("read " + JSON.stringify(text) + "\r\n");
});
`;

/** A home, a repository and an agent of their own; the daemon answers on any free port. */
export class Installation implements AsyncDisposable {
  readonly directory: string;
  readonly home: string;
  readonly repository: string;
  readonly environment: NodeJS.ProcessEnv;

  private constructor(directory: string) {
    this.directory = directory;
    this.home = join(directory, "home");
    this.repository = join(directory, "my project");
    const { NO_COLOR: _color, CI: _ci, CLAUDECODE: _agent, ...environment } = process.env;
    this.environment = {
      ...environment,
      CLAUDERON_HOME: this.home,
      CLAUDERON_PORT: "0",
      CLAUDERON_BACKEND: "local",
      CLAUDERON_AGENT: "echo",
      PATH: `${join(directory, "bin")}:${environment["PATH"] ?? ""}`,
    };
  }

  static async create(): Promise<Installation> {
    const made = new Installation(await mkdtemp(join(tmpdir(), "clauderon-cli-")));
    await made.#prepare();
    return made;
  }

  async #prepare(): Promise<void> {
    const agent = join(this.directory, "agent.mjs");
    await writeFile(agent, AGENT);
    await mkdir(this.home, { mode: 0o700 });
    await mkdir(join(this.directory, "bin"));
    const command = JSON.stringify([process.execPath, agent, "{prompt}"]);
    await writeFile(join(this.home, "config.toml"), `[agents.echo]\ncommand = ${command}\n`);
    const identity = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid", "-c", "commit.gpgSign=false"];
    await this.program(["git", "init", "--quiet", "--initial-branch=main", this.repository], { cwd: this.directory });
    await writeFile(join(this.repository, "file.txt"), "one\n");
    await this.program(["git", "add", "."]);
    await this.program(["git", ...identity, "commit", "--quiet", "-m", "first"]);
  }

  cli(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return this.program([...mainProgram, ...args], options);
  }

  /** The same in this process: everything but the process itself is real. */
  call(
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    keyboard: Pick<RunSettings, "input" | "isTerminal" | "answers"> = {},
  ): Promise<RunResult> {
    const own = Object.entries({ ...this.environment, ...environment });
    const settings = {
      environment: Object.fromEntries(own.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
      currentDirectory: this.repository,
    };
    const access = createCoreAccess(settings.environment, mainProgram);
    return runInProcess(args, { ...keyboard, ...settings, access });
  }

  /** Runs to the end whatever the exit code. */
  program(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<Ran> {
    return runProgram(argv, {
      ...options,
      cwd: options.cwd ?? this.repository,
      environment: { ...this.environment, ...options.environment },
    });
  }

  /** Of all sessions, sorted. */
  async names(): Promise<readonly string[]> {
    const { stdout } = await this.call(["list", "-q", "--sort", "name"]);
    return stdout.split("\n").filter((name) => name !== "");
  }

  worktree(name: string): string {
    return join(this.home, "worktrees", name);
  }

  async daemonPid(): Promise<number> {
    const [, pid = ""] = /"pid":\s*(\d+)/.exec(await readFile(join(this.home, "daemon.json"), "utf8")) ?? [];
    return Number(pid);
  }

  /** Puts a program before the real one on PATH; `{real}` in the script is the real one's path. */
  async shadow(name: string, script: string): Promise<void> {
    const { stdout } = await this.program(["/usr/bin/which", "-a", name]);
    const own = join(this.directory, "bin", name);
    const real = stdout.split("\n").find((path) => path !== "" && path !== own) ?? name;
    await writeFile(own, script.replaceAll("{real}", real));
    await chmod(own, 0o755);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(join(this.directory, "bin"), { recursive: true, force: true, maxRetries: 10 });
    await this.call(["delete", "--all", "--discard", "--yes"]);
    await this.call(["daemon", "stop"]);
    const left = await endProcessesOf(this.directory);
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
    if (left.length > 0) throw new Error(`left running: ${left.map(({ command }) => command).join("\n")}`);
  }
}
