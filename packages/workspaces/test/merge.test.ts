import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import type { MergeRequest } from "@clauderon/core/contract";
import { describe, expect, it } from "vitest";

import { errorWith } from "./git-fixture.ts";
import { ID, resultWorld } from "./result-world.ts";

describe("merge", () => {
  it("moves the branch forward, with files and index, and back", async () => {
    const world = await resultWorld();
    const before = world.everything();
    const head = world.commit({ "a.txt": "merged\n", "new/file": "new\n" });
    rmSync(join(world.record.path, "deep"), { recursive: true });
    const tip = world.commit({});
    expect(head).not.toBe(tip);
    const started = world.everything();
    const result = await world.merge();
    expect(result).toEqual({
      kind: "merge",
      isUpToDate: false,
      how: "fast-forward",
      branch: "main",
      before: world.record.base,
      after: tip,
      checkout: world.repository,
      files: ["a.txt", "deep/c.txt", "new/file"],
    });
    expect([world.tip(), world.status(), world.read("a.txt"), world.read("new/file")]).toEqual([
      tip,
      "",
      "merged\n",
      "new\n",
    ]);
    expect(existsSync(join(world.repository, "deep"))).toBe(false);
    expect(world.git(["reflog", "-1"])).toContain("clauderon merge: fix");
    expect(await world.merge()).toEqual(result);
    await world.takeBack();
    expect(world.everything()).toEqual({ ...started });
    expect(world.everything()["files"]).toEqual(before["files"]);
    await expect(world.takeBack()).rejects.toEqual(errorWith("undo.not-found"));
    expect(await world.provider.results.list()).toEqual([]);
    expect(readdirSync(join(world.home, "undo", "results"))).toEqual([]);
  });

  it.each<readonly [MergeRequest, number, string]>([
    [{}, 2, "Merge branch 'clauderon/fix' into main"],
    [{ how: "no-ff" }, 2, "Merge branch 'clauderon/fix' into main"],
    [{ how: "squash" }, 1, "Squash branch 'clauderon/fix'"],
    [{ how: "squash", message: "Mine" }, 1, "Mine"],
    [{ message: "Mine" }, 2, "Mine"],
  ])("makes a commit with %j", async (merge, parents, subject) => {
    const world = await resultWorld();
    world.commit({ "a.txt": "session\n" }, "First of the session");
    world.write({ "b.txt": "mine\n" });
    world.git(["commit", "--quiet", "--all", "-m", "Mine"]);
    const before = world.everything();
    const { after, how } = await world.merge(merge);
    expect(how).toBe(merge.how === "squash" ? "squash" : "merge");
    expect(world.tip()).toBe(after);
    const [names, written] = world.git(["log", "-1", "--format=%P%n%s"]).trim().split("\n");
    expect([names?.split(" ").length, written]).toEqual([parents, subject]);
    if (merge.how === "squash" && merge.message === undefined)
      expect(world.git(["log", "-1", "--format=%b"])).toContain("* First of the session");
    expect([world.status(), world.read("a.txt"), world.read("b.txt")]).toEqual(["", "session\n", "mine\n"]);
    world.git(["fsck", "--strict", "--no-dangling"]);
    await world.takeBack();
    expect(world.everything()).toEqual(before);
  });

  it("makes a merge commit though it could move forward, when told so", async () => {
    const world = await resultWorld();
    world.commit({ "a.txt": "session\n" });
    await world.merge({ how: "no-ff" });
    expect(world.git(["log", "-1", "--format=%P"]).trim().split(" ")).toHaveLength(2);
    expect(world.status()).toBe("");
  });

  it("names conflicts and changes nothing", async () => {
    const world = await resultWorld();
    world.commit({ "a.txt": "session\n", "b.txt": "fine\n" });
    world.write({ "a.txt": "mine\n" });
    world.git(["commit", "--quiet", "--all", "-m", "Mine"]);
    const before = world.everything();
    await expect(world.merge()).rejects.toMatchObject({
      code: "merge.conflict",
      context: { files: ["a.txt"] },
      fix: [expect.stringContaining("git merge main"), expect.stringContaining(`git -C '${world.repository}'`)],
    });
    expect(world.everything()).toEqual(before);
    expect(await world.provider.results.list()).toEqual([]);
  });

  it.each([
    ["a changed file", { "a.txt": "mine\n" }, "a.txt"],
    ["an untracked file", { "new.txt": "mine\n" }, "new.txt"],
    ["an ignored file", { "ignored.txt": "mine\n" }, "ignored.txt"],
    ["a file where a directory is to be", { dir: "mine\n" }, "dir"],
    ["a directory where a file is to be", { "plain/mine": "mine\n" }, "plain/mine"],
  ])("refuses to overwrite %s", async (_, files, named) => {
    const world = await resultWorld();
    world.write(
      { "a.txt": "s\n", "new.txt": "s\n", "ignored.txt": "s\n", "dir/x": "s\n", plain: "s\n" },
      world.record.path,
    );
    world.git(["add", "--force", "--all"], world.record.path);
    world.commit({});
    world.write(files);
    const before = world.everything();
    await expect(world.merge()).rejects.toMatchObject({
      code: "merge.refused",
      why: expect.stringContaining(named),
      context: { files: [named] },
    });
    expect(world.everything()).toEqual(before);
  });

  it("refuses staged, assumed and conflicted files, links on the way, and a checkout in the middle of something", async () => {
    const world = await resultWorld();
    world.commit({ "a.txt": "session\n", "deep/d": "x\n" });
    const refusal = async (): Promise<unknown> => {
      const before = world.everything();
      const error: unknown = await world.merge().catch((cause: unknown) => cause);
      expect(world.everything()).toEqual(before);
      return error;
    };
    world.write({ "a.txt": "staged\n" });
    world.git(["add", "a.txt"]);
    world.write({ "a.txt": "one\n" });
    expect(await refusal()).toMatchObject({ code: "merge.refused", context: { files: ["a.txt"] } });
    world.git(["reset", "--quiet", "--hard"]);
    world.git(["update-index", "--assume-unchanged", "a.txt"]);
    world.write({ "a.txt": "not told\n" });
    expect(await refusal()).toMatchObject({ code: "merge.refused", context: { files: ["a.txt"] } });
    world.git(["update-index", "--no-assume-unchanged", "a.txt"]);
    world.git(["reset", "--quiet", "--hard"]);
    const outside = join(world.root, "outside");
    mkdirSync(outside);
    rmSync(join(world.repository, "deep"), { recursive: true });
    symlinkSync(outside, join(world.repository, "deep"));
    expect(await refusal()).toMatchObject({ code: "merge.refused", context: { files: ["deep"] } });
    expect(readdirSync(outside)).toEqual([]);
    rmSync(join(world.repository, "deep"));
    world.git(["reset", "--quiet", "--hard"]);
    world.git(["bisect", "start"]);
    expect(await refusal()).toMatchObject({ code: "merge.refused", message: expect.stringContaining("bisect") });
  });

  it("leaves other changes of the user's as they are", async () => {
    const world = await resultWorld();
    world.commit({ "a.txt": "session\n" });
    world.write({ "b.txt": "changed\n", "staged.txt": "staged\n", "mine.txt": "mine\n" });
    world.git(["add", "staged.txt"]);
    const status = world.status();
    const before = world.everything();
    await world.merge();
    expect([world.status(), world.read("a.txt"), world.read("b.txt")]).toEqual([status, "session\n", "changed\n"]);
    await world.takeBack();
    expect(world.everything()).toEqual(before);
  });

  it("keeps modes, links and names of any kind", async () => {
    const world = await resultWorld();
    const { path } = world.record;
    const names = ["ünï", "new\nline", '"q"', " s ", "-d", "*", "\u001b[31mred"];
    for (const name of names) writeFileSync(join(path, name), `${name}\n`);
    writeFileSync(join(path, "run"), "#!/bin/sh\n");
    chmodSync(join(path, "run"), 0o755);
    symlinkSync("a.txt", join(path, "link"));
    world.commit({});
    await world.merge();
    expect(world.status()).toBe("");
    for (const name of names) expect(world.read(name)).toBe(`${name}\n`);
    expect(lstatSync(join(world.repository, "run")).mode & 0o111).toBe(0o111);
    expect(readlinkSync(join(world.repository, "link"))).toBe("a.txt");
  });

  it("turns a file into a directory and back", async () => {
    const world = await resultWorld();
    const { path } = world.record;
    rmSync(join(path, "a.txt"));
    rmSync(join(path, "deep"), { recursive: true });
    world.commit({ "a.txt/inside": "x\n", deep: "a file\n" });
    const before = world.everything();
    await world.merge();
    expect([world.status(), world.read("a.txt/inside"), world.read("deep")]).toEqual(["", "x\n", "a file\n"]);
    await world.takeBack();
    expect(world.everything()).toEqual(before);
  });

  it("does nothing when everything is there", async () => {
    const world = await resultWorld();
    expect(await world.merge()).toMatchObject({ isUpToDate: true, files: [], before: world.record.base });
    world.commit({ "a.txt": "x\n" });
    await world.merge();
    expect(await world.merge({}, "11111111-6c3d-4a52-9d0e-6a9e3a1f7d11")).toMatchObject({ isUpToDate: true });
    expect((await world.provider.results.list()).map(({ id }) => id)).toEqual([ID]);
  });
});
