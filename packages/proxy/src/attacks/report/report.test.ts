import { readFile } from "node:fs/promises";

import { parseJson } from "@clauderon/core/host";
import { beforeAll, expect, it } from "vitest";

import { allGroups } from "../groups/all-groups.fixture.ts";
import { caseId, isCompared } from "../harness/attack-case.fixture.ts";
import { peerNames, peerVersion } from "../harness/peers.fixture.ts";
import { harmless } from "./harmless-cases.fixture.ts";
import type { PeerResults } from "./peer-results.fixture.ts";

let peers: PeerResults;
beforeAll(async () => {
  const text = await readFile(new URL("peer-results.json", import.meta.url), "utf8");
  peers = parseJson(text, "the results of the other proxies") as PeerResults;
});

const idsOf = (areCompared: boolean): readonly string[] =>
  allGroups.flatMap((group) =>
    group.cases.flatMap((attack, index) => (areCompared && !isCompared(group, attack) ? [] : caseId(group, index))),
  );

it("there are at least 400 cases, each with a name of its own, of every group from P01 to P63", () => {
  const ids = idsOf(false);
  expect(ids.length).toBeGreaterThanOrEqual(400);
  expect(new Set(ids).size).toBe(ids.length);
  for (const group of allGroups) {
    const whats = group.cases.map(({ what }) => what);
    expect(whats.filter((what, index) => whats.indexOf(what) !== index)).toEqual([]);
    expect(group.rule.length * group.source.length).toBeGreaterThan(0);
  }
});

it("the other proxies were attacked with the cases that there are, in the versions that are installed", async () => {
  const ids = new Set(idsOf(true));
  for (const name of peerNames) {
    expect(peers[name].version).toBe(await peerVersion(name));
    expect(peers[name].failures.filter((id) => !ids.has(id))).toEqual([]);
  }
});

it("every case can be seen to get through somewhere, or it is said why not", () => {
  const through = new Set(peerNames.flatMap((name) => peers[name].failures));
  const said = [...harmless.keys()].flat();
  const isSaid = (id: string): boolean => said.some((entry) => id === entry || id.startsWith(`${entry}-`));
  expect(idsOf(true).filter((id) => !through.has(id) && !isSaid(id))).toEqual([]);
  // What gets through somewhere needs no excuse.
  expect([...through].filter((id) => isSaid(id))).toEqual([]);
  expect(said.filter((entry) => !idsOf(true).some((id) => id.startsWith(entry)))).toEqual([]);
});
