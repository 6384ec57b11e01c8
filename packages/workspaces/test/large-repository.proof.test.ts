import { join } from "node:path";

import { expect, it } from "vitest";

import { fixture, leftovers, made } from "./git-fixture.ts";

it("a workspace of 10,000 files is whole, and goes without a trace", async () => {
  const world = fixture();
  const files = Array.from({ length: 10_000 }, (_, index) => [`d${index % 100}/f${index}.txt`, `${index}\n`] as const);
  world.write(Object.fromEntries(files));
  world.git(["add", "."]);
  world.git(["commit", "--quiet", "-m", "Many"]);
  const { request, record } = await made(world, { name: "large" });
  expect(world.git(["-C", record.path, "status", "--porcelain"])).toBe("");
  expect(world.git(["-C", record.path, "ls-files"]).trim().split("\n").length).toBeGreaterThanOrEqual(10_000);
  await world.provider.remove(record, { sessionId: request.sessionId });
  expect(leftovers(world).filter((path) => path.startsWith(join(world.root, "home", "worktrees")))).toEqual([]);
});
