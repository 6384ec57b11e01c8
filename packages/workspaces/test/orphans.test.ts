import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, it } from "vitest";

import { bundledChild } from "./bundled-child.ts";
import { type Fixture, fixture, INSTANCE, leftovers, type Made, planned } from "./git-fixture.ts";

interface SlowGit {
  readonly environment: Record<string, string>;
  /** Of the git that makes a worktree, once it has started. */
  processId(): Promise<number>;
}

/** A git that takes so long before it makes a worktree, as on a machine with much to do. */
function slowGit(world: Fixture, seconds: number): SlowGit {
  const directory = join(world.root, "bin");
  const started = join(world.root, "started");
  const real = execFileSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).trim();
  mkdirSync(directory);
  writeFileSync(
    join(directory, "git"),
    `#!/bin/sh\ncase " $* " in *" worktree add "*) echo $$ > ${started}.new; mv ${started}.new ${started}; sleep ${String(seconds)} ;; esac\nexec ${real} "$@"\n`,
    { mode: 0o755 },
  );
  return {
    environment: { ...world.environment, PATH: `${directory}:${world.environment["PATH"] ?? ""}` },
    processId: async () => {
      await expect.poll(() => existsSync(started), { timeout: 30_000 }).toBe(true);
      return Number(readFileSync(started, "utf8"));
    },
  };
}

/** One that has ended and that nobody has asked for yet (Z) does nothing any more. */
function isAlive(processId: number): boolean {
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(processId)], { encoding: "utf8" });
  return stdout.trim() !== "" && !stdout.startsWith("Z");
}

/** A process that makes the workspace and dies while its git is about to; gives the git, which lives on. */
async function dieInCreate(world: Fixture, plan: Made, seconds: number): Promise<number> {
  const git = slowGit(world, seconds);
  const task = {
    homeDirectory: world.home,
    instanceId: INSTANCE,
    environment: git.environment,
    request: plan.request,
    record: plan.record,
    dieAt: 0,
  };
  const child = spawn(process.execPath, [bundledChild(), JSON.stringify(task)], { stdio: "ignore" });
  const ended = once(child, "exit");
  const orphan = await git.processId();
  child.kill("SIGKILL");
  await ended;
  expect(isAlive(orphan)).toBe(true);
  return orphan;
}

/** Scratch directories of dead processes are swept by the next look at all workspaces. */
async function expectNothingLeft(world: Fixture): Promise<void> {
  expect(await Array.fromAsync(world.provider.list())).toEqual([]);
  expect(leftovers(world)).toEqual([]);
}

it("undo of what a dead process began is not undone by the git it had started", async () => {
  const world = fixture();
  const plan = await planned(world);
  await world.provider.release(plan.request.sessionId);
  const orphan = await dieInCreate(world, plan, 1);
  await world.provider.undo(plan.record, plan.request.sessionId);
  await expect.poll(() => isAlive(orphan), { timeout: 30_000 }).toBe(false);
  await expectNothingLeft(world);
}, 120_000);

it("remove of what a dead process began is not undone by the git it had started", async () => {
  const world = fixture();
  const plan = await planned(world);
  await world.provider.release(plan.request.sessionId);
  const orphan = await dieInCreate(world, plan, 600);
  await world.provider.remove(plan.record, { sessionId: plan.request.sessionId, force: true });
  await expect.poll(() => isAlive(orphan), { timeout: 30_000 }).toBe(false);
  await expectNothingLeft(world);
}, 120_000);

it("create after a dead process finishes while the git it had started is at it", async () => {
  const world = fixture();
  const plan = await planned(world);
  await world.provider.release(plan.request.sessionId);
  const orphan = await dieInCreate(world, plan, 1);
  await world.provider.create(plan.request, plan.record);
  await expect.poll(() => isAlive(orphan), { timeout: 30_000 }).toBe(false);
  expect(readFileSync(join(plan.record.path, "a.txt"), "utf8")).toBe("one\n");
  expect(world.git(["status", "--porcelain"], plan.record.path)).toBe("");
  await world.provider.undo(plan.record, plan.request.sessionId);
  await expectNothingLeft(world);
}, 120_000);
