import { rmSync, statSync, utimesSync } from "node:fs";
import { basename, join } from "node:path";

import { describe, expect, it } from "vitest";

import { type Fixture, fixture, planned, snapshot } from "./git-fixture.ts";
import { borrowed, commitFile, everyBlob, everyObject, generations, halves } from "./mirror-fixture.ts";

const packsOf = (generation: string): readonly string[] =>
  Object.keys(snapshot(join(generation, "objects", "pack")))
    .filter((name) => name.endsWith(".pack"))
    .map((name) => basename(name));

const isWhole = (world: Fixture, generation: string): void => {
  expect(world.git([`--git-dir=${generation}`, "fsck", "--full"], world.root)).toBe("");
};

describe("the next session", { timeout: 120_000 }, () => {
  it("gets what is new besides, and the first is not touched by it", async () => {
    const world = fixture();
    const one = await borrowed(world, "one");
    const before = snapshot(one.directory, false);
    commitFile(world, { "new.txt": "new\n" });
    const two = await borrowed(world, "two");
    expect(everyBlob(world, two.directory)).toContain("new\n");
    expect(snapshot(one.directory, false)).toEqual(before);
    const [pack = ""] = packsOf(one.directory);
    const place = join("objects", "pack", pack);
    expect(statSync(join(two.directory, place)).ino).toBe(statSync(join(one.directory, place)).ino);
    isWhole(world, two.directory);
  });

  it.each(["main", "topic"])("cannot read what was taken back by rewinding %s; who had it keeps it", async (branch) => {
    const world = fixture();
    world.git(["branch", "topic"]);
    world.git(["switch", "--quiet", branch]);
    commitFile(world, { "secret.txt": "secret\n" });
    const one = await borrowed(world, "one");
    expect(everyBlob(world, one.directory)).toContain("secret\n");
    const before = snapshot(one.directory, false);
    world.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    commitFile(world, { "new.txt": "new\n" });
    const two = await borrowed(world, "two");
    expect(everyBlob(world, two.directory)).not.toContain("secret\n");
    expect(everyBlob(world, two.directory)).toContain("new\n");
    isWhole(world, two.directory);
    expect(snapshot(one.directory, false)).toEqual(before);
    // The trunk's pack is not written anew for what happens on other branches.
    expect(packsOf(two.directory).some((pack) => packsOf(one.directory).includes(pack))).toBe(branch === "topic");
  });

  it("cannot read a deleted branch or tag; one that was merged takes nothing with it", async () => {
    const world = fixture();
    world.git(["switch", "--quiet", "-c", "merged"]);
    commitFile(world, { "merged.txt": "merged\n" });
    world.git(["switch", "--quiet", "main"]);
    world.git(["merge", "--quiet", "--no-ff", "--no-edit", "merged"]);
    world.git(["switch", "--quiet", "-c", "gone"]);
    commitFile(world, { "gone.txt": "gone\n" });
    world.git(["tag", "-a", "-m", "secret words", "gone-tag", "main"]);
    world.git(["switch", "--quiet", "main"]);
    const one = await borrowed(world, "one");
    const tag = world.git(["rev-parse", "gone-tag"]).trim();
    expect(everyObject(world, one.directory)).toContain(tag);
    world.git(["branch", "--quiet", "-D", "merged", "gone"]);
    world.git(["tag", "-d", "gone-tag"]);
    const two = await borrowed(world, "two");
    expect(everyBlob(world, two.directory)).toContain("merged\n");
    expect(everyBlob(world, two.directory)).not.toContain("gone\n");
    expect(everyObject(world, two.directory)).not.toContain(tag);
    isWhole(world, two.directory);
  });

  it("gets few packs, however often the repository changed", async () => {
    const world = fixture();
    const { mirrors } = world.provider;
    let directory = "";
    for (let count = 0; count < 15; count += 1) {
      commitFile(world, { [`file-${String(count)}.txt`]: `${String(count)}\n`.repeat(count * 40) });
      const commonDirectory = join(world.repository, ".git");
      ({ directory } = await mirrors.borrow({ sessionId: `session-${String(count)}`, commonDirectory }));
      expect(packsOf(directory).length).toBeLessThanOrEqual(12);
    }
    isWhole(world, directory);
    expect(everyBlob(world, directory).length).toBe(world.git(["ls-files"]).split("\n").length - 1);
  });
});

describe("a generation", { timeout: 120_000 }, () => {
  it("goes with its last session, but for the newest, which goes with the repository", async () => {
    const world = fixture();
    const one = await borrowed(world, "one");
    commitFile(world, { "new.txt": "new\n" });
    const two = await borrowed(world, "two");
    expect(generations(world)).toEqual([one.directory, two.directory].toSorted());
    await world.provider.remove(two.made.record, { sessionId: two.made.request.sessionId });
    expect(generations(world)).toEqual([one.directory, two.directory].toSorted());
    await world.provider.remove(one.made.record, { sessionId: one.made.request.sessionId });
    expect(generations(world)).toEqual([two.directory]);
    rmSync(world.repository, { recursive: true });
    await Array.fromAsync(world.provider.list());
    expect(generations(world)).toEqual([]);
  });

  it("stays as long as an undo record may need it, and goes when nobody used it for long", async () => {
    const world = fixture();
    const one = await borrowed(world, "one");
    const { sessionId } = one.made.request;
    commitFile(world, { "new.txt": "new\n" });
    const two = await borrowed(world, "two");
    await world.provider.remove(one.made.record, { sessionId, undo: { at: new Date().toISOString(), session: {} } });
    await Array.fromAsync(world.provider.list());
    expect(generations(world)).toContain(one.directory);
    await world.provider.undoRecords.remove(sessionId);
    expect(generations(world)).toEqual([two.directory]);
    const old = new Date(Date.now() - 31 * 24 * 60 * 60 * 1000);
    utimesSync(join(two.directory, "borrowers"), old, old);
    await Array.fromAsync(world.provider.list());
    expect(generations(world)).toEqual([two.directory]);
    await world.provider.mirrors.release(two.made.request.sessionId);
    utimesSync(join(two.directory, "borrowers"), old, old);
    await Array.fromAsync(world.provider.list());
    expect(generations(world)).toEqual([]);
  });

  it("follows a session that undo brings back under another id", async () => {
    const world = fixture();
    const one = await borrowed(world, "one");
    const { sessionId } = one.made.request;
    commitFile(world, { "new.txt": "new\n" });
    const two = await borrowed(world, "two");
    await world.provider.remove(one.made.record, { sessionId, undo: { at: new Date().toISOString(), session: {} } });
    const request = { sessionId: "session-again", name: "one" };
    await world.provider.undoRecords.restore(sessionId, request);
    await Array.fromAsync(world.provider.list());
    expect(generations(world)).toContain(one.directory);
    const { commonDirectory } = one.made.record;
    expect(await world.provider.mirrors.borrow({ ...request, commonDirectory })).toEqual({ directory: one.directory });
    await world.provider.remove(one.made.record, { sessionId: request.sessionId, force: true });
    expect(generations(world)).toEqual([two.directory]);
  });

  it("goes with a session whose creation was taken back, and with one that nobody knows", async () => {
    const world = fixture();
    const one = await borrowed(world, "one");
    commitFile(world, { "new.txt": "new\n" });
    const two = await borrowed(world, "two");
    const { record } = await planned(world, { name: "three" });
    await world.provider.mirrors.borrow({ sessionId: "nobody", commonDirectory: record.commonDirectory });
    await world.provider.undo(one.made.record, one.made.request.sessionId);
    expect(generations(world)).toEqual([two.directory]);
    rmSync(world.repository, { recursive: true });
    await world.provider.mirrors.release(two.made.request.sessionId);
    expect(generations(world)).toEqual([two.directory]);
    await world.provider.undo(two.made.record, two.made.request.sessionId);
    await Array.fromAsync(world.provider.list());
    expect([generations(world), halves(world)]).toEqual([[], []]);
  });

  it("is made anew when one of its packs is lost", async () => {
    const world = fixture();
    const commonDirectory = join(world.repository, ".git");
    const { directory } = await world.provider.mirrors.borrow({ sessionId: "one", commonDirectory });
    const [pack = ""] = packsOf(directory);
    rmSync(join(directory, "objects", "pack", pack));
    const borrowers = snapshot(join(directory, "borrowers"), false);
    expect(await world.provider.mirrors.borrow({ sessionId: "two", commonDirectory })).toEqual({ directory });
    isWhole(world, directory);
    expect(snapshot(join(directory, "borrowers"), false)).toMatchObject(borrowers);
    expect(halves(world)).toEqual([]);
  });
});
