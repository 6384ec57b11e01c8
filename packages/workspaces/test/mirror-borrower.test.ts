import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, it } from "vitest";

import { type Fixture, fixture, made, snapshot } from "./git-fixture.ts";
import { borrowed, commitFile, everyBlob, everyObject } from "./mirror-fixture.ts";

/** A repository that has no history of its own: it borrows all of it. */
function borrowing(world: Fixture, generation: string): (args: readonly string[]) => string {
  const place = join(world.root, "sandbox");
  world.git(["init", "--quiet", place]);
  writeFileSync(join(place, ".git", "objects", "info", "alternates"), `${join(generation, "objects")}\n`);
  return (args) => world.git(args, place);
}

it("a repository that borrows works like any other, reads nothing else, and changes nothing of what it borrows", async () => {
  const world = fixture();
  world.git(["switch", "--quiet", "-c", "topic"]);
  commitFile(world, { "topic.txt": "topic\n" });
  world.git(["switch", "--quiet", "main"]);
  commitFile(world, { "main.txt": "main\n" });
  const other = await made(world, { name: "other" });
  commitFile(world, { "other.txt": "secret: another session\n" }, other.record.path);
  commitFile(world, { "reset.txt": "secret: reset away\n" });
  world.git(["reset", "--quiet", "--hard", "HEAD~1"]);
  world.write({ "a.txt": "secret: stash\n" });
  world.git(["stash"]);
  const { directory } = await borrowed(world, "fix");
  const before = snapshot(directory);
  const git = borrowing(world, directory);
  const place = join(world.root, "sandbox");

  expect(everyBlob(world, join(place, ".git")).filter((text) => text.includes("secret"))).toEqual([]);
  expect(everyObject(world, join(place, ".git"))).toEqual(everyObject(world, directory));
  git(["fetch", "--quiet", directory, "refs/heads/*:refs/heads/*", "--update-head-ok"]);
  git(["reset", "--quiet", "--hard", "main"]);
  git(["switch", "--quiet", "topic"]);
  git(["rebase", "--quiet", "main"]);
  world.write({ "topic.txt": "changed\n" }, place);
  git(["stash"]);
  git(["branch", "another"]);
  commitFile(world, { "work.txt": "work\n" }, place);
  git(["stash", "pop"]);
  expect(git(["status", "--porcelain"])).toBe(" M topic.txt\n");
  git(["gc", "--quiet", "--prune=now"]);
  git(["repack", "-a", "-d", "-l", "--quiet"]);
  expect(git(["fsck", "--full"])).toBe("");
  expect(git(["log", "--format=%s"])).toBe("work.txt\ntopic.txt\nmain.txt\nFirst\n");
  // What was borrowed is not copied: only the commits made here are its own.
  expect(git(["count-objects", "-v"])).toContain("in-pack: 5\n");
  expect(snapshot(directory)).toEqual(before);
}, 120_000);

it("history that the repository itself borrows is there without what it was borrowed from", async () => {
  const world = fixture();
  const tip = commitFile(world, { "two.txt": "two\n" });
  const shared = join(world.root, "shared");
  world.git(["clone", "--quiet", "--shared", world.repository, shared]);
  const { directory } = await borrowed(world, "fix", { from: shared });
  expect(existsSync(join(directory, "objects", "info", "alternates"))).toBe(false);
  expect(world.git([`--git-dir=${directory}`, "fsck", "--full"])).toBe("");
  expect(world.git([`--git-dir=${directory}`, "show", `${tip}:two.txt`])).toBe("two\n");
}, 120_000);

it("a replacement and a graft show nothing that they hide or name", async () => {
  const world = fixture();
  const first = world.git(["rev-parse", "HEAD"]).trim();
  const second = commitFile(world, { "second.txt": "second\n" });
  const tree = world.git(["rev-parse", `${first}^{tree}`]).trim();
  const hidden = world.git(["commit-tree", tree, "-m", "hidden"]).trim();
  world.git(["replace", second, hidden]);
  mkdirSync(join(world.repository, ".git", "info"), { recursive: true });
  writeFileSync(join(world.repository, ".git", "info", "grafts"), `${first} ${hidden}\n`);
  const commonDirectory = join(world.repository, ".git");
  const request = { sessionId: "fix", commonDirectory, commits: [second] };
  const { directory } = await world.provider.mirrors.borrow(request);
  expect(everyBlob(world, directory)).toContain("second\n");
  expect(everyObject(world, directory)).not.toContain(hidden);
  expect(world.git([`--git-dir=${directory}`, "fsck", "--full"])).toBe("");
}, 120_000);

it("nothing that the repository's configuration names is run", async () => {
  const world = fixture();
  const canary = join(world.root, "canary");
  const program = join(world.root, "program");
  writeFileSync(program, `#!/bin/sh\ntouch '${canary}'\n`, { mode: 0o755 });
  for (const [key, value] of [
    ["core.fsmonitor", program],
    ["core.sshCommand", program],
    ["core.pager", program],
    ["core.alternateRefsCommand", program],
    ["uploadpack.packObjectsHook", program],
    ["core.hooksPath", world.root],
    ["extensions.partialClone", "origin"],
    ["core.repositoryFormatVersion", "1"],
    ["remote.origin.promisor", "true"],
    ["protocol.allow", "always"],
    ["protocol.ext.allow", "always"],
    ["remote.origin.url", `ext::${program}`],
  ] as const)
    world.git(["config", key, value]);
  const commonDirectory = join(world.repository, ".git");
  await world.provider.mirrors.borrow({ sessionId: "whole", commonDirectory });
  // An object that is not there would be fetched by plain git, with the program above.
  const missing = "1".repeat(40);
  writeFileSync(join(commonDirectory, "refs", "heads", "gone"), `${missing}\n`);
  const request = { sessionId: "gone", commonDirectory, commits: [missing] };
  await expect(world.provider.mirrors.borrow(request)).rejects.toMatchObject({ code: "repository.failed" });
  expect(existsSync(canary)).toBe(false);
  expect(() => world.git(["-c", "fetch.negotiationAlgorithm=noop", "cat-file", "-p", missing])).toThrow(
    "Command failed",
  );
  expect(existsSync(canary)).toBe(true);
}, 120_000);
