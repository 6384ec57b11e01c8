import { rmSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { errorWith, fixture, made, snapshot } from "./git-fixture.ts";

describe("status and diff", () => {
  it("show commits, staged, unstaged and untracked, and write nothing", async () => {
    const world = fixture();
    const { record } = await made(world);
    world.write({ "committed.txt": "1\n" }, record.path);
    world.git(["add", "."], record.path);
    world.git(["commit", "--quiet", "-m", "Work"], record.path);
    world.write(
      {
        "staged.txt": "2\n",
        "a.txt": "unstaged\n",
        "new/untracked.txt": "3\n",
        "ignored.log": "4\n",
        "ünï code": "5\n",
      },
      record.path,
    );
    rmSync(join(record.path, "b.txt"));
    world.git(["add", "staged.txt"], record.path);
    const before = [snapshot(join(world.repository, ".git")), snapshot(record.path)];
    expect(await world.provider.status(record)).toEqual({
      exists: true,
      staged: 1,
      unstaged: 2,
      untracked: 2,
      unreachedCommits: 1,
      files: ["a.txt", "b.txt", "staged.txt", "new/untracked.txt", "ünï code"],
    });
    expect((await world.provider.diff(record, { format: "names" })).split("\n")).toEqual([
      "a.txt",
      "b.txt",
      "committed.txt",
      "new/untracked.txt",
      "staged.txt",
      "ünï code",
      "",
    ]);
    expect(await world.provider.diff(record, { format: "stat" })).toContain(
      "6 files changed, 5 insertions(+), 2 deletions(-)",
    );
    const patch = await world.provider.diff(record);
    for (const line of ["+1", "+2", "+3", "+unstaged", "-one", "-two", "+5"]) expect(patch.split("\n")).toContain(line);
    expect(await world.provider.diff(record, { base: "HEAD", format: "names" })).not.toContain("committed.txt");
    await expect(world.provider.diff(record, { base: "-x" })).rejects.toEqual(errorWith("workspace.base-not-found"));
    expect([snapshot(join(world.repository, ".git")), snapshot(record.path)]).toEqual(before);
  });

  it("count commits of a detached HEAD and of the branch, unless another ref reaches them", async () => {
    const world = fixture();
    const { record } = await made(world);
    world.git(["switch", "--quiet", "--detach"], record.path);
    world.git(["commit", "--quiet", "--allow-empty", "-m", "Adrift"], record.path);
    expect(await world.provider.status(record)).toMatchObject({ unreachedCommits: 1 });
    world.git(["tag", "anchor"], record.path);
    expect(await world.provider.status(record)).toMatchObject({ unreachedCommits: 0 });
  });

  it("tell a workspace that is gone", async () => {
    const world = fixture();
    const { record } = await made(world);
    rmSync(record.path, { recursive: true });
    expect(await world.provider.status(record)).toMatchObject({ exists: false });
    await expect(world.provider.diff(record)).rejects.toEqual(errorWith("workspace.missing"));
    rmSync(world.repository, { recursive: true });
    expect(await world.provider.status(record)).toMatchObject({ exists: false, unreachedCommits: 0 });
  });
});
