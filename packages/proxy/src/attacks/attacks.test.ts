import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { allGroups } from "./groups/all-groups.fixture.ts";
import { beginSlowClients } from "./groups/parsing-scenarios.fixture.ts";
import { caseId, type AttackCase } from "./harness/attack-case.fixture.ts";
import { startAttackWorld, type AttackWorld } from "./harness/attack-world.fixture.ts";
import { runCase } from "./harness/run-case.fixture.ts";

let world: AttackWorld;

beforeAll(async () => {
  world = await startAttackWorld();
  await beginSlowClients(world);
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** What got through, or was answered in another way than it must be. */
async function problemOf(attack: AttackCase): Promise<string | undefined> {
  if ("run" in attack) return attack.run(world);
  const { through, seen } = await runCase(attack, world);
  if (through !== undefined) return through;
  const isExpected = typeof attack.sees === "string" ? seen.startsWith(attack.sees) : attack.sees.test(seen);
  return isExpected ? undefined : `the client saw ${seen}, not ${String(attack.sees)}`;
}

describe.each(allGroups)("$id $title", (group) => {
  it(`${group.cases.length} cases: none gets through`, async () => {
    const problems: string[] = [];
    for (const [index, attack] of group.cases.entries()) {
      const problem = await problemOf(attack);
      if (problem !== undefined) problems.push(`${caseId(group, index)} ${attack.what}: ${problem}`);
    }
    expect(problems).toEqual([]);
  }, 120_000);
});
