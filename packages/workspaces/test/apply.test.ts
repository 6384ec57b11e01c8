import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { errorWith } from "./git-fixture.ts";
import { resultWorld } from "./result-world.ts";

const OTHER = "22222222-6c3d-4a52-9d0e-6a9e3a1f7d11";

describe("apply", () => {
  it("brings committed, staged, unstaged and untracked changes over, and back", async () => {
    const world = await resultWorld();
    const { path } = world.record;
    world.commit({ "committed.txt": "c\n" });
    world.write({ "staged.txt": "s\n" }, path);
    world.git(["add", "staged.txt"], path);
    world.write({ "a.txt": "unstaged\n", "un/tracked.txt": "u\n", "ignored.txt": "i\n" }, path);
    rmSync(join(path, "b.txt"));
    const before = world.everything();
    const inSession = world.git(["status", "--porcelain"], path);
    const result = await world.apply();
    const files = ["a.txt", "b.txt", "committed.txt", "staged.txt", "un/tracked.txt"];
    expect(result).toEqual({ kind: "apply", how: "files", isUpToDate: false, checkout: world.repository, files });
    expect(world.status()).toBe(" M a.txt\n D b.txt\n?? committed.txt\n?? staged.txt\n?? un/\n");
    expect([world.read("a.txt"), world.read("un/tracked.txt")]).toEqual(["unstaged\n", "u\n"]);
    expect(world.tip()).toBe(world.record.base);
    expect(world.git(["status", "--porcelain"], path)).toBe(inSession);
    await world.takeBack();
    expect(world.everything()).toEqual(before);
  });

  it("goes onto a branch that has moved on, beside changes of the user's", async () => {
    const world = await resultWorld();
    world.write({ "a.txt": "1\n2\n3\n4\n5\n6\n7\n8\n9\n" });
    world.git(["commit", "--quiet", "--all", "-m", "Lines"]);
    world.git(["merge", "--quiet", "main"], world.record.path);
    world.write({ "a.txt": "1\n2\n3\n4\n5\n6\n7\n8\nnine\n" }, world.record.path);
    world.write({ "a.txt": "one\n2\n3\n4\n5\n6\n7\n8\n9\n" });
    world.git(["commit", "--quiet", "--all", "-m", "One"]);
    world.write({ "b.txt": "mine\n", "mine.txt": "mine\n" });
    const before = world.everything();
    expect((await world.apply()).files).toEqual(["a.txt"]);
    expect(world.read("a.txt")).toBe("one\n2\n3\n4\n5\n6\n7\n8\nnine\n");
    await world.takeBack();
    expect(world.everything()).toEqual(before);
  });

  it("does not apply again what was merged", async () => {
    const world = await resultWorld();
    world.commit({ "a.txt": "merged\n" });
    await world.merge();
    expect(await world.apply(OTHER)).toMatchObject({ isUpToDate: true, files: [] });
    world.write({ "a.txt": "more\n" }, world.record.path);
    expect((await world.apply(OTHER)).files).toEqual(["a.txt"]);
    expect(world.status()).toBe(" M a.txt\n");
  });

  it("names conflicts and files that would be overwritten, and changes nothing", async () => {
    const world = await resultWorld();
    world.write({ "a.txt": "session\n", "new.txt": "session\n" }, world.record.path);
    world.write({ "new.txt": "mine\n" });
    const before = world.everything();
    await expect(world.apply()).rejects.toMatchObject({ code: "merge.refused", context: { files: ["new.txt"] } });
    expect(world.everything()).toEqual(before);
    rmSync(join(world.repository, "new.txt"));
    world.write({ "a.txt": "mine\n" });
    world.git(["commit", "--quiet", "--all", "-m", "Mine"]);
    await expect(world.apply()).rejects.toMatchObject({ code: "merge.conflict", context: { files: ["a.txt"] } });
    expect(world.status()).toBe("");
  });

  it("is not taken back over what was changed since, and says so", async () => {
    const world = await resultWorld();
    world.write({ "a.txt": "session\n", "new.txt": "session\n" }, world.record.path);
    rmSync(join(world.record.path, "b.txt"));
    await world.apply();
    world.write({ "new.txt": "mine since\n", "b.txt": "mine again\n" });
    const before = world.everything();
    await expect(world.takeBack()).rejects.toMatchObject({
      code: "merge.refused",
      context: { files: ["b.txt", "new.txt"] },
      fix: [expect.stringContaining("clauderon undo"), expect.any(String), expect.stringContaining("undo drop")],
    });
    expect(world.everything()).toEqual(before);
    world.write({ "new.txt": "session\n" });
    rmSync(join(world.repository, "b.txt"));
    await world.takeBack();
    expect([world.status(), world.read("b.txt")]).toEqual(["", "two\n"]);
  });

  it("keeps a file that the user put into a directory that it made", async () => {
    const world = await resultWorld();
    world.write({ "dir/theirs": "x\n" }, world.record.path);
    await world.apply();
    world.write({ "dir/mine": "mine\n" });
    await world.takeBack();
    expect(world.status()).toBe("?? dir/\n");
    expect(readFileSync(join(world.repository, "dir", "mine"), "utf8")).toBe("mine\n");
    expect(existsSync(join(world.repository, "dir", "theirs"))).toBe(false);
  });

  it("gives empty directories back that were where files came to be", async () => {
    const world = await resultWorld();
    mkdirSync(join(world.repository, "way", "deep", "er"), { recursive: true });
    chmodSync(join(world.repository, "way", "deep"), 0o700);
    chmodSync(join(world.repository, "way"), 0o750);
    world.commit({ way: "a file\n" });
    const before = world.everything();
    for (const take of [() => world.apply(), () => world.merge()]) {
      await take();
      expect(world.read("way")).toBe("a file\n");
      await world.takeBack();
      expect(world.everything()).toEqual(before);
    }
  });

  it("leaves empty directories that were there", async () => {
    const world = await resultWorld();
    mkdirSync(join(world.repository, "empty"), { mode: 0o750 });
    world.write({ "empty/file": "x\n", "made/file": "x\n" }, world.record.path);
    const before = world.everything();
    await world.apply();
    await world.takeBack();
    expect(world.everything()).toEqual(before);
  });

  it("brings back empty directories that were in the way, and emptied ones, with their permissions", async () => {
    const world = await resultWorld();
    mkdirSync(join(world.repository, "way", "down"), { recursive: true });
    chmodSync(join(world.repository, "way", "down"), 0o500);
    chmodSync(join(world.repository, "way"), 0o750);
    chmodSync(join(world.repository, "deep"), 0o700);
    world.write({ way: "a file\n" }, world.record.path);
    rmSync(join(world.record.path, "deep"), { recursive: true });
    const before = world.everything();
    await world.apply();
    expect(world.read("way")).toBe("a file\n");
    expect(existsSync(join(world.repository, "deep"))).toBe(false);
    await world.takeBack();
    expect(world.everything()).toEqual(before);
  });

  it("leaves the permissions of a directory whose only file is put elsewhere in it", async () => {
    const world = await resultWorld();
    chmodSync(join(world.repository, "deep"), 0o700);
    rmSync(join(world.record.path, "deep", "c.txt"));
    world.write({ "deep/d.txt": "moved\n" }, world.record.path);
    const before = world.everything();
    await world.apply();
    expect(statSync(join(world.repository, "deep")).mode & 0o777).toBe(0o700);
    await world.takeBack();
    expect(world.everything()).toEqual(before);
  });

  it("refuses a record that is damaged or of another version, and one without its files", async () => {
    const world = await resultWorld();
    world.write({ "a.txt": "session\n" }, world.record.path);
    await world.apply();
    const place = join(world.home, "undo", "results", "0f0e5c1a-6c3d-4a52-9d0e-6a9e3a1f7d11");
    const text = readFileSync(join(place, "record.json"), "utf8");
    for (const damaged of [
      "",
      "{",
      text.replace('"version":1', '"version":9'),
      text.replace('"path":"a.txt"', '"path":"../a.txt"'),
    ]) {
      writeFileSync(join(place, "record.json"), damaged);
      await expect(world.takeBack()).rejects.toEqual(errorWith("undo.damaged"));
    }
    writeFileSync(join(place, "record.json"), text);
    rmSync(join(place, "before", "0"));
    await expect(world.takeBack()).rejects.toEqual(errorWith("undo.damaged"));
    expect(world.read("a.txt")).toBe("session\n");
    await expect(world.takeBack(OTHER)).rejects.toEqual(errorWith("undo.not-found"));
    await world.provider.results.remove("0f0e5c1a-6c3d-4a52-9d0e-6a9e3a1f7d11");
    expect(await world.provider.results.list()).toEqual([]);
  });
});
