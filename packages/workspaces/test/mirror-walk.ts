import { execFile } from "node:child_process";
import { join } from "node:path";

import { expect } from "vitest";

import { bundledChild } from "./bundled-child.ts";
import { faultyFileSystem, type FaultMode } from "./faulty-file-system.ts";
import { type Fixture, fixture, INSTANCE, snapshot } from "./git-fixture.ts";
import { commitFile, everyObject, generations, halves } from "./mirror-fixture.ts";

interface MirrorWorld {
  readonly world: Fixture;
  readonly commonDirectory: string;
  /** What another session borrows, from before. */
  readonly elder: string;
}

async function mirrorWorld(): Promise<MirrorWorld> {
  const world = fixture();
  const commonDirectory = join(world.repository, ".git");
  commitFile(world, { "secret.txt": "secret\n" });
  const { directory } = await world.provider.mirrors.borrow({ sessionId: "elder", commonDirectory });
  world.git(["reset", "--quiet", "--hard", "HEAD~1"]);
  world.git(["switch", "--quiet", "-c", "topic"]);
  commitFile(world, { "topic.txt": "topic\n" });
  return { world, commonDirectory, elder: directory };
}

/** What a borrower gets is exactly what can be seen; what the elder has is as it was; nothing half-made is left. */
async function expectOrder({ world, commonDirectory, elder }: MirrorWorld, place: string): Promise<void> {
  const { mirrors } = world.provider;
  const { directory } = await mirrors.borrow({ sessionId: "healthy", commonDirectory });
  const reachable = world.git(["rev-list", "--objects", "--no-object-names", "--branches"]).split("\n");
  expect([place, everyObject(world, directory)]).toEqual([place, new Set(reachable.filter(Boolean))]);
  await mirrors.sweep(() => Promise.resolve(new Set(["elder", "healthy"])));
  expect([place, halves(world)]).toEqual([place, []]);
  expect([place, generations(world)]).toEqual([place, [elder, directory].toSorted()]);
}

/** The next death or fault finds the elder's generation alone, and another thing to make. */
async function startOver({ world, elder }: MirrorWorld, count: number): Promise<void> {
  world.git(["commit", "--quiet", "--amend", "-m", `Topic ${String(count)}`]);
  await world.provider.mirrors.release("healthy");
  const left = generations(world).filter((path) => path !== elder);
  expect(left.length).toBeLessThanOrEqual(1);
}

/** Kills a process that borrows at every `step`-th point. Gives the number of deaths. */
export async function walkMirrorCrashes(step: number): Promise<number> {
  const program = bundledChild("mirror-child");
  const given = await mirrorWorld();
  const { world, commonDirectory, elder } = given;
  const before = snapshot(elder, false);
  for (let deaths = 0; ; deaths += 1) {
    const dieAt = 1 + deaths * step;
    const task = {
      homeDirectory: world.home,
      instanceId: INSTANCE,
      environment: world.environment,
      request: { sessionId: "dying", commonDirectory },
      dieAt,
    };
    const { signal, complaint, passed } = await run(program, task);
    const place = `point ${String(dieAt)} ${complaint}`;
    expect([place, signal ?? "through"]).toEqual([place, signal === undefined ? "through" : "SIGKILL"]);
    await expectOrder(given, place);
    expect([place, snapshot(elder, false)]).toEqual([place, before]);
    if (signal === undefined) {
      expect(passed).toBeGreaterThan(40);
      return deaths;
    }
    await startOver(given, deaths);
  }
}

function run(
  program: string,
  task: object,
): Promise<{ readonly signal: string | undefined; readonly complaint: string; readonly passed: number }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, JSON.stringify(task)], (error, stdout, complaint) => {
      resolve({ signal: error?.signal ?? undefined, complaint, passed: Number(stdout) });
    });
  });
}

/** Fails every `step`-th file-system call of `borrow` and `release`. Gives the number of failures. */
export async function walkMirrorFaults(mode: FaultMode, step: number): Promise<number> {
  const given = await mirrorWorld();
  const { world, commonDirectory, elder } = given;
  const before = snapshot(elder, false);
  let failures = 0;
  for (let failing = 1; ; failing += step) {
    const faulty = faultyFileSystem(failing, mode);
    const { mirrors } = world.providerWith({ fileSystem: faulty.fileSystem });
    const outcome: unknown = await mirrors
      .borrow({ sessionId: "failing", commonDirectory })
      .then(() => mirrors.release("failing"))
      .catch((error: unknown) => error);
    const place = `call ${String(failing)}: ${String(outcome)}`;
    // What a removal that failed has left is its own process's to sweep, as soon as it can.
    await faulty.heal(() => mirrors.sweep(() => Promise.resolve(new Set(["elder"]))));
    await expectOrder(given, place);
    expect([place, snapshot(elder, false)]).toEqual([place, before]);
    if (faulty.calls() < failing) return failures;
    failures += 1;
    await startOver(given, failures);
  }
}
