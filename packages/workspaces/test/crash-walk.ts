import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { WorkspaceRequest } from "@clauderon/core/contract";
import { expect } from "vitest";

import { bundledChild } from "./bundled-child.ts";
import { type Fixture, fixture, INSTANCE, leftovers, type Made, planned } from "./git-fixture.ts";

interface Death {
  readonly program: string;
  readonly plan: Made;
  readonly dieAt: number;
}

function runChild(
  world: Fixture,
  { program, plan, dieAt }: Death,
): Promise<{ readonly signal: string | undefined; readonly output: string; readonly complaint: string }> {
  const task = {
    homeDirectory: world.home,
    instanceId: INSTANCE,
    environment: world.environment,
    request: plan.request,
    record: plan.record,
    dieAt,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [program, JSON.stringify(task)], (error, stdout, complaint) => {
      resolve({ signal: error?.signal ?? undefined, output: stdout, complaint });
    });
  });
}

/** Walks beside each other, each in a repository of its own: what they wait for is git and the disk. */
const LANES = 2;

/** Kills a process that makes a workspace at every `step`-th point, then takes it back or finishes it in this one. Gives the number of deaths. */
export async function walkCrashes(
  step: number,
  withChanges: boolean,
  kind: Pick<WorkspaceRequest, "isPrivate"> = {},
): Promise<number> {
  const program = bundledChild();
  const lanes = Array.from({ length: LANES }, (_, lane) =>
    walkLane(program, { first: 1 + lane * step, step: LANES * step, withChanges, kind }),
  );
  return (await Promise.all(lanes)).reduce((sum, deaths) => sum + deaths, 0);
}

interface Lane {
  readonly first: number;
  readonly step: number;
  readonly withChanges: boolean;
  readonly kind: Pick<WorkspaceRequest, "isPrivate">;
}

async function walkLane(program: string, { first, step, withChanges, kind }: Lane): Promise<number> {
  const world = fixture();
  if (withChanges) world.write({ "a.txt": "changed\n", "new.txt": "new\n" });
  const plan = await planned(world, { withChanges, ...kind });
  const { sessionId } = plan.request;
  await world.provider.release(sessionId);
  let deaths = 0;
  for (let dieAt = first; ; dieAt += step) {
    const { signal, output: passed, complaint } = await runChild(world, { program, plan, dieAt });
    const place = `point ${String(dieAt)} ${complaint}`;
    if (signal === undefined) expect({ place, isThrough: Number(passed) > 20 }).toEqual({ place, isThrough: true });
    else {
      expect([place, signal]).toEqual([place, "SIGKILL"]);
      deaths += 1;
    }
    if (deaths % 2 === 0) {
      await world.provider.create(plan.request, plan.record);
      expect([place, readFileSync(join(plan.record.path, "a.txt"), "utf8")]).toEqual([
        place,
        withChanges ? "changed\n" : "one\n",
      ]);
      expect([place, world.git(["status", "--porcelain"], plan.record.path)]).toEqual([
        place,
        withChanges ? " M a.txt\n?? new.txt\n" : "",
      ]);
    }
    await world.provider.undo(plan.record, sessionId);
    await Array.fromAsync(world.provider.list());
    expect([place, leftovers(world)]).toEqual([place, []]);
    if (signal === undefined) return deaths;
  }
}
