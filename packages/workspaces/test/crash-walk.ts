import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect } from "vitest";

import { type Fixture, fixture, INSTANCE, leftovers, type Made, planned } from "./git-fixture.ts";

const CHILD = fileURLToPath(new URL("crash-child.ts", import.meta.url));

function runChild(
  world: Fixture,
  plan: Made,
  dieAt: number,
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
    execFile(
      process.execPath,
      ["--conditions", "@clauderon/source", CHILD, JSON.stringify(task)],
      (error, output, complaint) => {
        resolve({ signal: error?.signal ?? undefined, output, complaint });
      },
    );
  });
}

/** Kills a process that makes a workspace at every `step`-th point, then takes it back or finishes it in this one. Gives the number of deaths. */
export async function walkCrashes(step: number, withChanges: boolean): Promise<number> {
  const world = fixture();
  if (withChanges) world.write({ "a.txt": "changed\n", "new.txt": "new\n" });
  const plan = await planned(world, { withChanges });
  const { sessionId } = plan.request;
  let deaths = 0;
  for (let dieAt = 1; ; dieAt += step) {
    const { signal, output, complaint } = await runChild(world, plan, dieAt);
    const place = `point ${String(dieAt)} ${complaint}`;
    if (signal === undefined) expect({ place, isThrough: Number(output) > 20 }).toEqual({ place, isThrough: true });
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
