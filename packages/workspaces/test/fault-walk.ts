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
/** Each so manieth call is failed. A private workspace takes five times as many, and is made and removed anew for each. */
const STEP = scaled({ usual: 3, deep: 1 });
const PRIVATE_STEP = scaled({ usual: 17, deep: 1 });

interface Lane {
  readonly mode: FaultMode;
  /** The first call that is failed; then every `stride`-th. */
  readonly first: number;
  readonly stride: number;
  readonly countsReads: boolean;
}

interface WalkCall {
  readonly mode: FaultMode;
  readonly kind: Kind;
  /** So many failures there are at least with each call failed. */
  readonly least: number;
}

async function inLanes({ mode, kind, least }: WalkCall, walk: (lane: Lane) => Promise<number>): Promise<void> {
  const isPrivate = kind.isPrivate === true;
  const step = isPrivate ? PRIVATE_STEP : STEP;
  // Each mode of a private one starts elsewhere. Before and after a call that only reads are the same, and the former is walked, too.
  const start = 1 + (isPrivate ? firstOf(mode, step) : 0);
  const countsReads = !isPrivate || mode !== "after";
  const lanes = Array.from({ length: LANES }, (_, lane) =>
    walk({ mode, first: start + lane * step, stride: LANES * step, countsReads }),
  );
  const failures = (await Promise.all(lanes)).reduce((sum, count) => sum + count, 0);
  expect(failures).toBeGreaterThan(least / step);
}

const order = { before: 0, after: 1, "from-then-on": 2 } as const satisfies Record<FaultMode, number>;

/** So that modes that skip calls do not skip the same. */
export function firstOf(mode: FaultMode, step: number): number {
  return Math.floor((order[mode] * step) / 3);
}

/** Fails file-system calls of `create` in turn; afterwards a healthy create or undo must bring the world in order. */
export async function walkFaultsOfCreate(mode: FaultMode, withChanges: boolean, kind: Kind = {}): Promise<void> {
  await inLanes({ mode, kind, least: 20 }, (lane) => failCreate(lane, withChanges, kind));
}

/** Of the workspaces that are made. */
type Kind = Pick<WorkspaceRequest, "isPrivate">;

async function failCreate(
  { mode, first, stride, countsReads }: Lane,
  withChanges: boolean,
  kind: Kind,
): Promise<number> {
  const world = fixture();
  if (withChanges) {
    world.write({ "a.txt": "changed\n", "b.txt": "staged\n", "new.txt": "new\n" });
    world.git(["add", "b.txt"]);
  }
  const plan = await planned(world, { withChanges, ...kind });
  await world.provider.release(plan.request.sessionId);
  let isOver = false;
  let failures = 0;
  for (let failing = first; !isOver; failing += stride) {
    const faulty = faultyFileSystem(failing, mode, { countsReads });
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
    if (Math.ceil(failing / stride) % 2 === 0) {
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
  await inLanes({ mode, kind, least: 5 }, (lane) => failRemove(lane, kind));
}

async function failRemove({ mode, first, stride, countsReads }: Lane, kind: Kind): Promise<number> {
  const world = fixture();
  let isOver = false;
  let failures = 0;
  for (let failing = first; !isOver; failing += stride) {
    const plan = await planned(world, kind);
    await world.provider.create(plan.request, plan.record);
    const faulty = faultyFileSystem(failing, mode, { countsReads });
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
