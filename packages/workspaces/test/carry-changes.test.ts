import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { errorWith, fixture, leftovers, made, snapshot } from "./git-fixture.ts";

describe("carrying changes over", () => {
  it("keeps staged, unstaged and untracked apart and touches nothing of the user's", async () => {
    const world = fixture();
    world.write({
      "gone.txt": "x",
      "gone-staged.txt": "x",
      "mode.sh": "x",
      "both.txt": "1\n",
      "kind/file.txt": "x",
      "to-link": "x",
    });
    symlinkSync("a.txt", join(world.repository, "link"));
    world.git(["add", "."]);
    world.git(["commit", "--quiet", "-m", "More"]);
    world.write({ "staged.txt": "staged\n", "both.txt": "2\n" });
    world.git(["add", "staged.txt", "both.txt"]);
    world.write({
      "both.txt": "3\n",
      "a.txt": "unstaged\n",
      "new dir/ün\nusual.txt": "untracked\n",
      "ignored.log": "no",
    });
    writeFileSync(join(world.repository, "binary"), Buffer.from([0, 255, 1, 254]));
    writeFileSync(Buffer.concat([Buffer.from(`${world.repository}/`), Buffer.from([0xff, 0xfe])]), "not utf-8");
    rmSync(join(world.repository, "gone.txt"));
    world.git(["rm", "--quiet", "gone-staged.txt"]);
    chmodSync(join(world.repository, "mode.sh"), 0o755);
    rmSync(join(world.repository, "link"));
    symlinkSync("b.txt", join(world.repository, "link"));
    rmSync(join(world.repository, "kind"), { recursive: true });
    world.write({ kind: "a file now" });
    rmSync(join(world.repository, "to-link"));
    symlinkSync("nowhere", join(world.repository, "to-link"));
    world.write({ "intent.txt": "later\n" });
    world.git(["add", "--intent-to-add", "intent.txt"]);
    const expected = world.git(["status", "--porcelain"]).replace(" A intent.txt\n", "");
    const before = snapshot(join(world.repository, ".git"));
    const tree = snapshot(world.repository);
    delete tree["/ignored.log"];
    const changes = await world.provider.changes(await world.provider.resolve(world.repository));

    const { record } = await made(world, { withChanges: true });
    const status = world.git(["status", "--porcelain"], record.path);
    expect(status.replace("?? intent.txt\n", "")).toBe(expected);
    expect(changes.count).toBe(expected.trim().split("\n").length + 1);
    const copied = snapshot(record.path, false);
    for (const [name, content] of Object.entries(snapshot(world.repository, false))) {
      if (!name.startsWith("/.git/") && name !== "/ignored.log" && name !== "/")
        expect([name, copied[name]]).toEqual([name, content]);
    }
    expect(existsSync(join(record.path, "ignored.log"))).toBe(false);
    expect(world.git(["show", ":both.txt"], record.path)).toBe("2\n");
    expect(readlinkSync(join(record.path, "link"))).toBe("b.txt");
    expect(lstatSync(join(record.path, "mode.sh")).mode & 0o111).not.toBe(0);
    const after = snapshot(join(world.repository, ".git"));
    const isExpected = (name: string): boolean => /^\/(?:worktrees|(?:logs\/)?refs\/heads\/clauderon)\//u.test(name);
    expect(Object.fromEntries(Object.entries(after).filter(([name]) => !isExpected(name)))).toEqual(before);

    await world.provider.undo(record, "session-fix");
    expect(leftovers(world)).toEqual([]);
  });

  it("takes them from the linked worktree the user stands in", async () => {
    const world = fixture();
    world.git(["worktree", "add", "--quiet", "-b", "other", join(world.root, "linked")]);
    world.write({ "a.txt": "in the linked one\n" }, join(world.root, "linked"));
    const { record } = await made(world, { withChanges: true, from: join(world.root, "linked") });
    expect(readFileSync(join(record.path, "a.txt"), "utf8")).toBe("in the linked one\n");
  });

  it("refuses when the base has another version of a changed file, and leaves nothing", async () => {
    const world = fixture();
    world.write({ "a.txt": "second\n" });
    world.git(["commit", "--quiet", "-am", "Second"]);
    world.write({ "b.txt": "mine\n" });
    const { record } = await made(world, { withChanges: true, base: "HEAD~1", name: "works" });
    expect(readFileSync(join(record.path, "b.txt"), "utf8")).toBe("mine\n");
    expect(readFileSync(join(record.path, "a.txt"), "utf8")).toBe("one\n");
    await world.provider.undo(record, "session-works");
    world.write({ "a.txt": "mine\n" });
    await expect(made(world, { withChanges: true, base: "HEAD~1" })).rejects.toEqual(errorWith("repository.failed"));
    expect(leftovers(world)).toEqual([]);
  });

  it("brings a conflicted file as it lies there", async () => {
    const world = fixture();
    world.git(["switch", "--quiet", "-c", "side"]);
    world.write({ "a.txt": "side\n" });
    world.git(["commit", "--quiet", "-am", "Side"]);
    world.git(["switch", "--quiet", "main"]);
    world.write({ "a.txt": "main\n" });
    world.git(["commit", "--quiet", "-am", "Main"]);
    expect(() => world.git(["merge", "side"])).toThrow("Command failed");
    const { record } = await made(world, { withChanges: true });
    expect(readFileSync(join(record.path, "a.txt"), "utf8")).toContain("<<<<<<<");
  });
});

it("does not write through a symbolic link that the base has where the checkout has a directory", async () => {
  const world = fixture();
  const outside = join(world.root, "outside");
  mkdirSync(outside);
  world.git(["checkout", "--quiet", "-b", "other"]);
  symlinkSync(outside, join(world.repository, "link"));
  world.git(["add", "link"]);
  world.git(["commit", "--quiet", "-m", "Link"]);
  world.git(["checkout", "--quiet", "main"]);
  world.write({ "link/x": "mine\n" });
  await expect(made(world, { withChanges: true, base: "other" })).rejects.toMatchObject({
    why: "link/x",
    fix: expect.arrayContaining([expect.stringContaining("leave out --base")]),
  });
  expect(readdirSync(outside)).toEqual([]);
});

it("does not put a file over a directory that only the base has", async () => {
  const world = fixture();
  world.git(["checkout", "--quiet", "-b", "other"]);
  world.write({ "place/theirs": "theirs\n" });
  world.git(["add", "place"]);
  world.git(["commit", "--quiet", "-m", "Directory"]);
  world.git(["checkout", "--quiet", "main"]);
  world.write({ place: "mine\n" });
  await expect(made(world, { withChanges: true, base: "other" })).rejects.toMatchObject({ why: "place" });
});
