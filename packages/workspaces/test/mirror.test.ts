import { renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { errorWith, fixture, made, mirrorOptions, snapshot, temporaryDirectory, watchedRunner } from "./git-fixture.ts";
import { borrowed, commitFile, everyBlob, everyObject, generations, halves } from "./mirror-fixture.ts";

const reachable = (world: ReturnType<typeof fixture>, ...revisions: string[]): Set<string> =>
  new Set(
    world
      .git(["rev-list", "--objects", "--no-object-names", ...revisions])
      .split("\n")
      .filter(Boolean),
  );

describe("what a session borrows", { timeout: 120_000 }, () => {
  it("holds exactly the history of tags, the user's branches and those of remotes", async () => {
    const world = fixture();
    world.git(["tag", "-a", "-m", "One", "v1"]);
    world.git(["switch", "--quiet", "-c", "topic"]);
    commitFile(world, { "topic.txt": "topic\n" });
    world.git(["update-ref", "refs/remotes/origin/there", commitFile(world, { "remote.txt": "remote\n" })]);
    world.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    const seen = reachable(world, "--branches", "--tags", "--remotes");
    commitFile(world, { "secret.txt": "secret: reset away\n" });
    world.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    world.write({ "a.txt": "secret: stash\n" });
    world.git(["stash"]);
    world.write({ "a.txt": "secret: index\n" });
    world.git(["add", "a.txt"]);
    const other = await made(world, { name: "other" });
    commitFile(world, { "other.txt": "secret: another session\n" }, other.record.path);
    world.git([
      "update-ref",
      "refs/notes/commits",
      commitFile(world, { "note.txt": "secret: note\n" }, other.record.path),
    ]);
    world.git(["symbolic-ref", "refs/heads/alias", "refs/stash"]);
    // So that all of it lies in one pack, as after a collection.
    world.git(["repack", "-a", "-d", "--quiet"]);

    const { directory } = await borrowed(world, "fix");
    expect(everyObject(world, directory)).toEqual(seen);
    expect(everyBlob(world, directory).filter((text) => text.includes("secret"))).toEqual([]);
    const { sessionId } = other.request;
    const own = await world.provider.mirrors.borrow({ sessionId, commonDirectory: other.record.commonDirectory });
    expect(own.directory).toBe(directory);
    expect(world.git([`--git-dir=${directory}`, "fsck", "--full"])).toBe("");
    expect(world.git([`--git-dir=${directory}`, "for-each-ref", "--format=%(refname)"])).toBe(
      "refs/heads/main\nrefs/heads/topic\nrefs/remotes/origin/there\nrefs/tags/v1\n",
    );
  });

  it("is narrowed by the configuration, but for the commit that the session starts from", async () => {
    const world = fixture();
    world.git(["branch", "internal/plans"]);
    const base = commitFile(world, { "main.txt": "main\n" });
    world.git(["switch", "--quiet", "internal/plans"]);
    const plans = commitFile(world, { "plans.txt": "plans\n" });
    const commonDirectory = join(world.repository, ".git");
    const { mirrors } = world.providerWith({ refs: ["refs/heads/*", "^refs/heads/internal/*"] });
    const narrow = await mirrors.borrow({ sessionId: "one", commonDirectory, commits: [base] });
    expect(everyBlob(world, narrow.directory)).not.toContain("plans\n");
    const asked = await mirrors.borrow({ sessionId: "two", commonDirectory, commits: [plans] });
    expect(everyBlob(world, asked.directory)).toContain("plans\n");
    expect(asked.directory).not.toBe(narrow.directory);
    expect(everyBlob(world, narrow.directory)).not.toContain("plans\n");
  });

  it("hides the branches of sessions whatever their prefix, those of deleted ones too", async () => {
    const world = fixture();
    const { record, request } = await made(world, { name: "other", branchPrefix: "" });
    commitFile(world, { "other.txt": "secret\n" }, record.path);
    expect(everyBlob(world, (await borrowed(world, "fix")).directory)).not.toContain("secret\n");
    const undo = { at: new Date().toISOString(), session: {} };
    await world.provider.remove(record, { sessionId: request.sessionId, undo, force: true });
    expect(everyBlob(world, (await borrowed(world, "next")).directory)).not.toContain("secret\n");
  });

  it("is one for sessions that may see the same, also when they come at once", async () => {
    const world = fixture();
    const commonDirectory = join(world.repository, ".git");
    let packs = 0;
    const runner = watchedRunner((args) => (packs += args.includes("pack-objects") ? 1 : 0));
    const [one, two] = [world.providerWith({ runner }), world.providerWith({ runner })];
    const sessions = Array.from({ length: 8 }, (_, index) => `session-${String(index)}`);
    const got = await Promise.all(
      sessions.map((sessionId, index) => (index < 6 ? one : two).mirrors.borrow({ sessionId, commonDirectory })),
    );
    expect(new Set(got.map(({ directory }) => directory)).size).toBe(1);
    expect([generations(world).length, halves(world)]).toEqual([1, []]);
    expect(packs).toBeLessThanOrEqual(2);
  });

  it("survives collection, deleted branches and the end of the user's repository", async () => {
    const world = fixture();
    world.git(["switch", "--quiet", "-c", "topic"]);
    const tip = commitFile(world, { "topic.txt": "topic\n" });
    const { directory } = await borrowed(world, "fix");
    const before = snapshot(directory);
    world.git(["switch", "--quiet", "main"]);
    world.git(["branch", "--quiet", "-D", "topic"]);
    world.git(["reflog", "expire", "--expire=now", "--all"]);
    world.git(["gc", "--quiet", "--prune=now"]);
    await borrowed(world, "next");
    renameSync(world.repository, `${world.repository}-moved`);
    await Array.fromAsync(world.provider.list());
    expect(snapshot(directory)).toEqual(before);
    expect(world.git([`--git-dir=${directory}`, "show", `${tip}:topic.txt`], world.root)).toBe("topic\n");
  });

  it.each([[["--object-format=sha256"]], [["--bare"]]])("is made of a repository of the kind %s", async (initArgs) => {
    const world = fixture();
    const repository = join(world.root, "kind");
    world.git(["init", "--quiet", ...initArgs, repository]);
    const work = initArgs.includes("--bare") ? join(world.root, "work") : repository;
    if (work !== repository) world.git(["clone", "--quiet", repository, work]);
    const tip = commitFile(world, { "a.txt": "one\n" }, work);
    if (work !== repository) world.git(["push", "--quiet", "origin", "HEAD:main"], work);
    const borrowing = borrowed(world, "fix", { from: repository });
    // isomorphic-git reads no SHA-256.
    if (mirrorOptions.areWithoutGit && tip.length === 64)
      return expect(borrowing).rejects.toEqual(errorWith("command.not-found"));
    const { directory } = await borrowing;
    expect(world.git([`--git-dir=${directory}`, "fsck", "--full"])).toBe("");
    expect(world.git([`--git-dir=${directory}`, "rev-parse", "refs/heads/main"])).toBe(`${tip}\n`);
  });

  it("of a shallow clone is as shallow; of an address it lies in the clone", async () => {
    const world = fixture();
    commitFile(world, { "two.txt": "two\n" });
    const shallow = join(world.root, "shallow");
    world.git(["clone", "--quiet", "--depth=1", `file://${world.repository}`, shallow]);
    const one = await borrowed(world, "fix", { from: shallow });
    expect(world.git([`--git-dir=${one.directory}`, "rev-list", "--count", "--all"])).toBe("1\n");
    expect(world.git([`--git-dir=${one.directory}`, "fsck", "--full"])).toBe("");
    world.git(["fetch", "--quiet", "--unshallow"], shallow);
    const two = await borrowed(world, "next", { from: shallow });
    expect(world.git([`--git-dir=${two.directory}`, "rev-list", "--count", "--all"])).toBe("2\n");
    expect(world.git([`--git-dir=${two.directory}`, "fsck", "--full"])).toBe("");
    const cloned = await borrowed(world, "cloned", { from: `file://${world.repository}` });
    expect(cloned.directory.startsWith(cloned.made.record.commonDirectory)).toBe(true);
    const again = await borrowed(world, "again", { from: `file://${world.repository}` });
    expect(again.directory).toBe(cloned.directory);
  });

  it("of a partial clone is refused with what to do, and then made", async () => {
    const world = fixture();
    world.git(["config", "uploadpack.allowFilter", "true"]);
    commitFile(world, { "a.txt": "two\n" });
    const partial = join(world.root, "partial");
    world.git(["clone", "--quiet", "--filter=blob:none", `file://${world.repository}`, partial]);
    const { record } = await made(world, { from: partial });
    const request = { sessionId: "fix", commonDirectory: record.commonDirectory };
    const refused: unknown = await world.provider.mirrors.borrow(request).catch((error: unknown) => error);
    expect(refused).toEqual(errorWith("repository.failed"));
    expect([generations(world), halves(world)]).toEqual([[], []]);
    const [fix = ""] = (refused as { fix: string[] }).fix;
    const [, args = ""] = /git -C '[^']+' (fetch .+)$/u.exec(fix) ?? [];
    world.git(args.split(" "), partial);
    const { directory } = await world.provider.mirrors.borrow(request);
    expect(world.git([`--git-dir=${directory}`, "fsck", "--full"])).toBe("");
  });

  it("of a repository that is gone is refused with what to do", async () => {
    const world = fixture();
    const commonDirectory = join(world.root, "nowhere", ".git");
    const refused = world.provider.mirrors.borrow({ sessionId: "fix", commonDirectory });
    await expect(refused).rejects.toEqual(errorWith("repository.not-found"));
  });

  it("is borrowed in a home that is reached through a link, of a repository with an odd name", async () => {
    const world = fixture({ directory: 'odd " :\\ name' });
    const place = temporaryDirectory();
    symlinkSync(place, join(world.root, "link"));
    const provider = world.providerWith({ homeDirectory: join(world.root, "link", "home") });
    const commonDirectory = join(world.repository, ".git");
    const { directory } = await provider.mirrors.borrow({ sessionId: "one", commonDirectory });
    expect(world.git([`--git-dir=${directory}`, "fsck", "--full"])).toBe("");
  });
});
