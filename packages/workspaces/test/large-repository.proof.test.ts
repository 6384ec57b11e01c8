import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

import { expect, it } from "vitest";

import { fixture, leftovers, made } from "./git-fixture.ts";
import { isDeep, scaled } from "./scaled.ts";

const FILES = scaled({ usual: 10_000, deep: 100_000 });

it(`a workspace of ${String(FILES)} files is whole, and goes without a trace`, async () => {
  const world = fixture();
  const files = Array.from({ length: FILES }, (_, index) => [`d${index % 100}/f${index}.txt`, `${index}\n`] as const);
  world.write(Object.fromEntries(files));
  world.git(["add", "."]);
  world.git(["commit", "--quiet", "-m", "Many"]);
  const { request, record } = await made(world, { name: "large" });
  expect(world.git(["-C", record.path, "status", "--porcelain"])).toBe("");
  expect(world.git(["-C", record.path, "ls-files"]).trim().split("\n").length).toBeGreaterThanOrEqual(FILES);
  await world.provider.remove(record, { sessionId: request.sessionId });
  expect(leftovers(world).filter((path) => path.startsWith(join(world.root, "home", "worktrees")))).toEqual([]);
});

it.runIf(isDeep)("a repository with a pack of more than 2 GiB is worked with, and borrowed from", async () => {
  const world = fixture();
  const child = spawn(
    "git",
    ["-c", "core.compression=0", "-c", "fastimport.unpackLimit=1", "fast-import", "--quiet", "--depth=0"],
    {
      cwd: world.repository,
      env: world.environment,
      stdio: ["pipe", "ignore", "inherit"],
    },
  );
  const ended = once(child, "exit");
  const noise = randomBytes(64 * 1024 * 1024);
  const files = Array.from({ length: 33 }, (_, index) => index);
  child.stdin.write(
    "commit refs/heads/large\ncommitter t <t@example.org> 1700000000 +0000\ndata 1\nL\nfrom refs/heads/main\n",
  );
  for (const index of files) {
    noise.writeUInt32BE(index, 0);
    child.stdin.write(`M 100644 inline large-${String(index)}\ndata ${String(noise.length)}\n`);
    if (!child.stdin.write(Buffer.from(noise))) await once(child.stdin, "drain");
    child.stdin.write("\n");
  }
  child.stdin.end("done\n");
  expect(await ended).toEqual([0, null]);
  const packs = join(world.repository, ".git", "objects", "pack");
  const sizes = readdirSync(packs).map((name) => statSync(join(packs, name)).size);
  expect(Math.max(...sizes)).toBeGreaterThan(2 ** 31);
  const { request, record } = await made(world, { name: "large", base: "large" });
  expect(await world.provider.status(record)).toMatchObject({ staged: 0, unstaged: 0, untracked: 0 });
  const commonDirectory = record.commonDirectory;
  const { directory } = await world.provider.mirrors.borrow({ sessionId: request.sessionId, commonDirectory });
  expect(world.git([`--git-dir=${directory}`, "cat-file", "-s", "large:large-32"])).toBe(`${String(noise.length)}\n`);
  const undo = { at: new Date().toISOString(), session: null };
  await world.provider.remove(record, { sessionId: request.sessionId, force: true, undo });
  await world.provider.undoRecords.restore(request.sessionId, { sessionId: request.sessionId, name: "large" });
  expect(world.git(["status", "--porcelain"], record.path)).toBe("");
});
