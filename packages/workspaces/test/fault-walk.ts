import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { ClauderonError, type WorkspaceProvider, type WorkspaceRequest } from "@clauderon/core/contract";
import { expect } from "vitest";

import { faultyFileSystem, type FaultMode } from "./faulty-file-system.ts";
import { type Fixture, fixture, leftovers, type Made, planned } from "./git-fixture.ts";
import { scaled } from "./scaled.ts";

/** Scratch directories of a provider whose file system failed are its own to sweep. */
function remains(world: Fixture): readonly string[] {
  return leftovers(world).filter((path) => !path.includes("/scratch/"));
}

/** Walks beside each other, each in a repository of its own: what they wait for is git and the disk. */
const LANES = 2;
/** Of the calls of a lane each `STEP`-th is failed. */
const STEP = scaled({ usual: 3, deep: 1 });
const STRIDE = LANES * STEP;

interface Lane {
  readonly mode: FaultMode;
  /** The first call that is failed; then every `STRIDE`-th. */
  readonly first: number;
}

async function inLanes(mode: FaultMode, walk: (lane: Lane) => Promise<number>): Promise<number> {
  const lanes = Array.from({ length: LANES }, (_, lane) => walk({ mode, first: 1 + lane * STEP }));
  return (await Promise.all(lanes)).reduce((sum, failures) => sum + failures, 0);
}

/** Fails file-system calls of `create` in turn; afterwards a healthy create or undo must bring the world in order. */
export async function walkFaultsOfCreate(mode: FaultMode, withChanges: boolean, kind: Kind = {}): Promise<void> {
  expect(await inLanes(mode, (lane) => failCreate(lane, withChanges, kind))).toBeGreaterThan(20 / STEP);
}

/** Of the workspaces that are made. */
type Kind = Pick<WorkspaceRequest, "isPrivate">;

async function failCreate({ mode, first }: Lane, withChanges: boolean, kind: Kind): Promise<number> {
  const world = fixture();
  if (withChanges) {
    world.write({ "a.txt": "changed\n", "b.txt": "staged\n", "new.txt": "new\n" });
    world.git(["add", "b.txt"]);
  }
  const plan = await planned(world, { withChanges, ...kind });
  await world.provider.release(plan.request.sessionId);
  let isOver = false;
  let failures = 0;
  for (let failing = first; !isOver; failing += STRIDE) {
    const faulty = faultyFileSystem(failing, mode);
    const provider = world.providerWith({ fileSystem: faulty.fileSystem });
    const outcome: unknown = await createEarly(provider, plan).then(
      () => "made",
      (error: unknown) => error,
    );
    isOver = faulty.calls() < failing;
    const place = `call ${String(failing)}: ${String(outcome)}`;
    if (outcome !== "made") {
      failures += 1;
      expect([place, ClauderonError.isInstance(outcome, "repository.failed")]).toEqual([place, true]);
      if (mode !== "from-then-on") expect([place, remains(world)]).toEqual([place, []]);
    }
    if (Math.ceil(failing / STRIDE) % 2 === 0) {
      await world.provider.create(plan.request, plan.record);
      expect([place, readFileSync(join(plan.record.path, "a.txt"), "utf8")]).toEqual([
        place,
        withChanges ? "changed\n" : "one\n",
      ]);
      const status = withChanges ? " M a.txt\nM  b.txt\n?? new.txt\n" : "";
      expect([place, world.git(["status", "--porcelain"], plan.record.path)]).toEqual([place, status]);
    }
    await world.provider.undo(plan.record, plan.request.sessionId);
    expect([place, remains(world)]).toEqual([place, []]);
  }
  return failures;
}

/** As the engine does it: what was begun early is given up when there is nothing to create. */
async function createEarly(provider: WorkspaceProvider, { request, record }: Made): Promise<void> {
  const { sessionId } = request;
  try {
    await provider.resolve(record.repositoryPath, { forSession: sessionId });
  } catch (error) {
    await provider.release(sessionId).catch(() => undefined);
    throw error;
  }
  await provider.create(request, record);
}

/** Fails file-system calls of `remove` in turn; the next healthy one must finish it. */
export async function walkFaultsOfRemove(mode: FaultMode, kind: Kind = {}): Promise<void> {
  expect(await inLanes(mode, (lane) => failRemove(lane, kind))).toBeGreaterThan(5 / STEP);
}

async function failRemove({ mode, first }: Lane, kind: Kind): Promise<number> {
  const world = fixture();
  let isOver = false;
  let failures = 0;
  for (let failing = first; !isOver; failing += STRIDE) {
    const plan = await planned(world, kind);
    await world.provider.create(plan.request, plan.record);
    const faulty = faultyFileSystem(failing, mode);
    const options = { sessionId: plan.request.sessionId };
    const provider = world.providerWith({ fileSystem: faulty.fileSystem });
    await provider.remove(plan.record, options).catch((error: unknown) => {
      expect([String(error), ClauderonError.isInstance(error, "repository.failed")]).toEqual([String(error), true]);
    });
    isOver = faulty.calls() < failing;
    if (!isOver) failures += 1;
    await world.provider.remove(plan.record, options);
    expect([`call ${String(failing)}`, remains(world)]).toEqual([`call ${String(failing)}`, []]);
    expect(existsSync(plan.record.path)).toBe(false);
  }
  return failures;
}
