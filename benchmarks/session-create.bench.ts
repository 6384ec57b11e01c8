import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, watch } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";

import { makeRoot, startBenchDaemon } from "./support/bench-daemon.ts";
import { git } from "./support/git.ts";
import { ratio, summary, timed, type Summary } from "./support/statistics.ts";
import { makeRepository } from "./support/test-repository.ts";

// create → the agent's process has started, against bare `git worktree add` and the bare start of the same process; pair by pair.
const zellij = process.env["CLAUDERON_TEST_ZELLIJ"];
const root = await makeRoot();
const marks = path.join(root, "marks");
await mkdir(marks);
const environment = { ...process.env, BENCH_MARKS: marks };
const script = ': > "$BENCH_MARKS/$(basename "$PWD")"; exec sleep 100000';

/** Resolves when the process of that name has made its mark. Watched, not polled: a busy loop would take a core from what is measured. */
async function started(name: string): Promise<void> {
  const watcher = watch(marks);
  try {
    while (!existsSync(path.join(marks, name))) await once(watcher, "change");
  } finally {
    watcher.close();
  }
}

interface Bare {
  readonly repository: string;
  readonly name: string;
}

async function addWorktree({ repository, name }: Bare): Promise<string> {
  const worktree = path.join(root, "bare", name);
  await git(["-C", repository, "worktree", "add", "--quiet", "-b", `bare/${name}`, worktree]);
  return worktree;
}

async function bareLocal(bare: Bare): Promise<number> {
  let end = (): void => undefined;
  const elapsedMs = await timed(async () => {
    const child = spawn("sh", ["-c", script], {
      cwd: await addWorktree(bare),
      env: environment,
      detached: true,
      stdio: "ignore",
    });
    end = () => child.kill("SIGKILL");
    await started(bare.name);
  });
  end();
  return elapsedMs;
}

async function bareZellij(bare: Bare): Promise<number> {
  const session = `cb-${process.pid}-${bare.name}`;
  const layout = path.join(root, "layout.kdl");
  await writeFile(
    layout,
    `layout {\n  pane command="sh" borderless=true {\n    args "-c" ${JSON.stringify(script)}\n  }\n}\n`,
  );
  const elapsedMs = await timed(async () => {
    const cwd = await addWorktree(bare);
    const options = ["--default-layout", layout, "--default-cwd", cwd, "--session-serialization", "false"];
    await runZellij(["attach", "--create-background", session, "options", ...options], cwd);
    await started(bare.name);
  });
  await runZellij(["kill-session", session], root);
  return elapsedMs;
}

async function runZellij(args: readonly string[], cwd: string): Promise<void> {
  if (zellij === undefined) throw new Error("zellij is missing");
  await once(spawn(zellij, args, { cwd, env: environment, stdio: "ignore" }), "exit");
}

interface Row {
  readonly backend: string;
  readonly files: number;
  readonly ours: Summary;
  readonly bare: Summary;
  readonly ratio: number;
}

interface Rounds {
  /** Pairs before those that count: the daemon is to be warm. */
  readonly warmUp: number;
  readonly counted: number;
}

async function measure(backend: "local" | "zellij", files: number, { warmUp, counted }: Rounds): Promise<Row> {
  const repository = path.join(root, `repository-${files}`);
  if (!existsSync(repository)) await makeRepository(repository, files);
  const ours: number[] = [];
  const bare: number[] = [];
  const names = Array.from({ length: warmUp + counted }, (_, round) => `${backend}-${files}-${round}`);
  for (const [round, name] of names.entries()) {
    const runBare = (): Promise<number> =>
      (backend === "local" ? bareLocal : bareZellij)({ repository, name: `bare-${name}` });
    const isBareFirst = round % 2 === 0;
    const bareBeforeMs = isBareFirst ? await runBare() : undefined;
    const request = { repository, name, backend, agent: "sleeper", callerEnvironment: stringsOf(environment) };
    let created: Promise<unknown> = Promise.resolve();
    const oursMs = await timed(async () => {
      created = daemon.clauderon.sessions.create(request);
      await Promise.race([started(name), created.then(() => started(name))]);
    });
    await created;
    const bareMs = bareBeforeMs ?? (await runBare());
    // The order changes from pair to pair: whoever comes second meets the other's dirty pages.
    if (round < warmUp) continue;
    ours.push(oursMs);
    bare.push(bareMs);
  }
  // At the end: ext4 makes files up to ten times slower right after many were deleted, which would hide what we add.
  for (const name of names) {
    const session = await daemon.clauderon.sessions.get(name);
    await session.delete({ discard: true });
    await git(["-C", repository, "worktree", "remove", "--force", path.join(root, "bare", `bare-${name}`)]);
  }
  return { backend, files, ours: summary(ours), bare: summary(bare), ratio: ratio(ours, bare) };
}

function stringsOf(source: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(source).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

const config = `[agents.sleeper]\ncommand = ["sh", "-c", ${JSON.stringify(script)}]\n${zellij === undefined ? "" : `[zellij]\nprogram = ${JSON.stringify(zellij)}\n`}`;
await using daemon = await startBenchDaemon({ root, config });
const rows = [
  await measure("local", 1000, { warmUp: 5, counted: 15 }),
  await measure("local", 100_000, { warmUp: 1, counted: 3 }),
];
if (zellij === undefined) console.error("zellij was not measured: CLAUDERON_TEST_ZELLIJ names no program");
else rows.push(await measure("zellij", 1000, { warmUp: 2, counted: 15 }));
console.log(JSON.stringify({ targets: { localMs: 100, ratio: 1.3 }, rows }));
