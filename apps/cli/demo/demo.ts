import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const SESSION = "fix-greeting";
const TASK = "Correct the spelling mistake in greeting.mjs";
const CHANGE_MS = 30_000;
const LOOK_MS = 200;

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const exampleAgent = fileURLToPath(new URL("example-agent.ts", import.meta.url));

interface Ran {
  readonly code: number;
  readonly stdout: string;
}

/** Runs a program; what it prints is shown, and its standard output returned too. */
function start(
  program: readonly [string, ...string[]],
  options: { readonly cwd: string; readonly environment: NodeJS.ProcessEnv; readonly isSilent?: boolean },
): Promise<Ran> {
  const { promise, resolve, reject } = Promise.withResolvers<Ran>();
  const [file, ...args] = program;
  const isShown = options.isSilent !== true;
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: options.environment,
    stdio: ["ignore", "pipe", isShown ? "inherit" : "ignore"],
  });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    if (isShown) process.stdout.write(text);
  });
  child.on("error", reject).on("close", (code) => {
    resolve({ code: code ?? 1, stdout });
  });
  return promise;
}

/** A repository, a home and a daemon of their own; everything is gone when it is disposed. */
class Demo implements AsyncDisposable {
  readonly #directory: string;
  readonly #environment: NodeJS.ProcessEnv;
  readonly repository: string;
  #running: Promise<unknown> = Promise.resolve();
  #isEnding = false;

  constructor(directory: string) {
    this.#directory = directory;
    this.repository = join(directory, "project");
    this.#environment = {
      ...process.env,
      CLAUDERON_HOME: join(directory, "home"),
      CLAUDERON_PORT: "0",
      CLAUDERON_SESSION: "",
      CLAUDERON_SESSION_ID: "",
      CLAUDERON_BACKEND: "",
      CLAUDERON_AGENT: "",
    };
  }

  async prepare(): Promise<void> {
    await start(["git", "init", "--quiet", this.repository], { cwd: this.#directory, environment: this.#environment });
    await writeFile(join(this.repository, "greeting.mjs"), 'process.stdout.write("Helo, world\\n");\n');
    const identity = ["-c", "user.name=Demo", "-c", "user.email=demo@example.invalid", "-c", "commit.gpgSign=false"];
    await this.#git("add", ".");
    await this.#git(...identity, "commit", "--quiet", "--no-verify", "-m", "A greeting");
    await this.quietly("config", "set", "general.default_backend", "local");
    await this.quietly(
      "config",
      "set",
      "agents.example.command",
      JSON.stringify([process.execPath, exampleAgent, "{prompt}"]),
    );
  }

  /** Shows the command, runs it, and fails with it. */
  async run(...args: string[]): Promise<string> {
    process.stdout.write(`\n$ clauderon ${args.map(quoted).join(" ")}\n`);
    const { code, stdout } = await this.#begin(args, false);
    if (code !== 0) throw new Error(`clauderon ${args[0]} exited with ${code}`);
    return stdout;
  }

  async quietly(...args: string[]): Promise<Ran> {
    return this.#begin(args, true);
  }

  #begin(args: readonly string[], isSilent: boolean): Promise<Ran> {
    if (this.#isEnding) return Promise.reject(new Error("the demo ends"));
    const running = this.#clauderon(args, isSilent);
    this.#running = running.catch(() => undefined);
    return running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What was begun ends first; nothing new begins.
    this.#isEnding = true;
    await this.#running;
    await this.#clauderon(["delete", "--all", "--discard", "--yes"], true);
    await this.#clauderon(["daemon", "stop"], true);
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }

  async #git(...args: string[]): Promise<void> {
    const { code } = await start(["git", ...args], { cwd: this.repository, environment: this.#environment });
    if (code !== 0) throw new Error(`git ${args.join(" ")} exited with ${code}`);
  }

  #clauderon(args: readonly string[], isSilent: boolean): Promise<Ran> {
    return start([process.execPath, ...process.execArgv, main, ...args], {
      cwd: this.repository,
      environment: this.#environment,
      isSilent,
    });
  }
}

const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `"${word}"`);

async function untilChanged(demo: Demo): Promise<void> {
  const deadline = Date.now() + CHANGE_MS;
  while (Date.now() < deadline) {
    if ((await demo.quietly("diff", SESSION, "--name-only")).stdout.includes("greeting.mjs")) return;
    await delay(LOOK_MS);
  }
  throw new Error(`the agent changed nothing within ${CHANGE_MS / 1000} s`);
}

async function show(demo: Demo, agent: string): Promise<void> {
  if (agent === "example") {
    await demo.run("create", SESSION, "--agent", agent, "--prompt", TASK);
    await untilChanged(demo);
    await demo.run("logs", SESSION);
  } else {
    // A real agent answers, then its session is started again so that there is something to run commands in.
    await demo.run("create", SESSION, "--agent", agent, "--permission-mode", "edits", "--print", "--prompt", TASK);
    await demo.run("start", SESSION);
  }
  await demo.run("list");
  const diff = await demo.run("diff", SESSION);
  if (!diff.includes("greeting.mjs")) throw new Error("the agent changed nothing");
  await demo.run("exec", SESSION, "--", "node", "greeting.mjs");
  await demo.run("daemon", "restart");
  await demo.run("list");
  await demo.run("delete", SESSION, "--discard", "--yes");
  await demo.run("list");
}

const { values } = parseArgs({ options: { agent: { type: "string", default: "example" } } });
let isInterrupted = false;
const interrupted = Promise.withResolvers<never>();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    isInterrupted = true;
    interrupted.reject(new Error(`interrupted by ${signal}`));
  });
}
try {
  await using demo = new Demo(await mkdtemp(join(tmpdir(), "clauderon-demo-")));
  await Promise.race([demo.prepare().then(() => show(demo, values.agent)), interrupted.promise]);
  process.stdout.write("\nThe demo has removed everything it made.\n");
  process.exitCode = 0;
} catch (error) {
  process.stderr.write(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = isInterrupted ? 130 : 1;
}
