import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { parseJson } from "@clauderon/core/host";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { allGroups } from "./groups/all-groups.fixture.ts";
import { beginSlowClients } from "./groups/parsing-scenarios.fixture.ts";
import { caseId, type AttackCase } from "./harness/attack-case.fixture.ts";
import { startAttackWorld, type AttackWorld } from "./harness/attack-world.fixture.ts";
import { runCase } from "./harness/run-case.fixture.ts";
import type { PeerResults } from "./report/peer-results.fixture.ts";
import { renderReport } from "./report/render-report.fixture.ts";

const reportPath = new URL("../../ATTACKS.md", import.meta.url);
const resultsPath = new URL("report/peer-results.json", import.meta.url);

let world: AttackWorld;
const found = new Map<string, number>();

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
    found.set(group.id, problems.length);
    expect(problems).toEqual([]);
  }, 120_000);
});

it("ATTACKS.md says what this run found", async () => {
  const peers = parseJson(await readFile(resultsPath, "utf8"), "the results of the other proxies") as PeerResults;
  const report = renderReport({ groups: allGroups, problems: found, peers });
  if (process.env["CLAUDERON_WRITE_ATTACKS"] === "1") {
    await writeFile(reportPath, report);
    await promisify(execFile)("oxfmt", [fileURLToPath(reportPath)]);
  }
  // The formatter pads tables.
  const bare = (text: string): string => text.replaceAll(/-{3,}:?/gu, "---").replaceAll(/\s+/gu, " ");
  expect(bare(await readFile(reportPath, "utf8"))).toBe(bare(report));
});
