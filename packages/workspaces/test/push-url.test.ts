import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { fixture, made, type Fixture } from "./git-fixture.ts";

const upstream = "https://github.com/acme/app.git";
const fork = "git@github.com:me/app.git";

async function pushUrl(world: Fixture, settings: readonly (readonly [string, string])[]): Promise<string | undefined> {
  const { record } = await made(world);
  for (const [key, value] of settings) world.git(["config", "--add", key.replace("BRANCH", record.branch), value]);
  return world.provider.pushUrl(record);
}

const origin = [["remote.origin.url", upstream]] as const;
const two = [...origin, ["remote.fork.url", fork]] as const;

describe("where a workspace's branch is pushed", () => {
  it.each([
    ["nowhere without a remote", [], undefined],
    ["to origin", two, upstream],
    ["to the only remote", [["remote.there.url", fork]], fork],
    [
      "nowhere when none of many is meant",
      [
        ["remote.a.url", upstream],
        ["remote.b.url", fork],
      ],
      undefined,
    ],
    ["where remote.pushDefault says", [...two, ["remote.pushDefault", "fork"]], fork],
    ["where the branch's remote says", [...two, ["branch.BRANCH.remote", "fork"]], fork],
    [
      "where the branch's pushRemote says, before all",
      [...two, ["remote.pushDefault", "origin"], ["branch.BRANCH.pushRemote", "fork"]],
      fork,
    ],
    ["to the address for pushes", [...origin, ["remote.origin.pushurl", fork]], fork],
    ["to origin when the branch follows a local one", [...origin, ["branch.BRANCH.remote", "."]], upstream],
    [
      "to the rewritten address",
      [...origin, ["url.git@github.com:.pushInsteadOf", "https://github.com/"]],
      "git@github.com:acme/app.git",
    ],
  ] as const)("%s", async (_name, settings, url) => {
    expect(await pushUrl(fixture(), settings)).toBe(url);
  });

  it("runs nothing that the configuration names", async () => {
    const world = fixture();
    const marker = join(world.root, "ran");
    const program = join(world.root, "program");
    writeFileSync(program, `#!/bin/sh\ntouch '${marker}'\n`, { mode: 0o755 });
    const names = [
      "core.sshCommand",
      "core.askPass",
      "credential.helper",
      "remote.origin.vcs",
      "alias.remote",
      "core.pager",
    ];
    await pushUrl(world, [...origin, ...names.map((name) => [name, `!${program}`] as const)]);
    expect(existsSync(marker)).toBe(false);
  });
});
