import { execFileSync } from "node:child_process";
import { join } from "node:path";

import { expect, it } from "vitest";

import { fixture, leftovers, made } from "./git-fixture.ts";

/** Medians, so that one disturbed run does not decide. */
function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

it.each([
  [1_000, 9],
  [10_000, 5],
])("a workspace of %d files takes at most 1.3 times what git worktree add takes", async (files, runs) => {
  const world = fixture();
  world.write(
    Object.fromEntries(
      Array.from({ length: files }, (_, index) => [
        `d${String(index % 100)}/f${String(index)}.txt`,
        `${String(index)}\n`.repeat(20),
      ]),
    ),
  );
  world.git(["add", "."]);
  world.git(["commit", "--quiet", "-m", "Many"]);
  await world.provider.resolve(world.repository);
  const bare: number[] = [];
  const whole: number[] = [];
  const alone: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const start = performance.now();
    execFileSync(
      "git",
      ["worktree", "add", "--quiet", "-b", `bare-${String(run)}`, join(world.root, `bare-${String(run)}`)],
      { cwd: world.repository, env: world.environment },
    );
    bare.push(performance.now() - start);
    const before = performance.now();
    const { request, record } = await made(world, { name: `s${String(run)}` });
    whole.push(performance.now() - before);
    await world.provider.remove(record, { sessionId: request.sessionId });
    const again = await (async () => {
      const info = request.repository;
      const plan = await world.provider.plan({ ...request, sessionId: "again", repository: info });
      const from = performance.now();
      await world.provider.create({ ...request, sessionId: "again" }, plan);
      alone.push(performance.now() - from);
      return plan;
    })();
    await world.provider.remove(again, { sessionId: "again" });
  }
  process.stdout.write(
    `${String(files)} files: git worktree add ${median(bare).toFixed(0)} ms, create ${median(alone).toFixed(0)} ms, resolve + plan + create ${median(whole).toFixed(0)} ms\n`,
  );
  // 25 ms for the three processes of ours that do not depend on the number of files.
  expect(median(whole)).toBeLessThan(1.3 * median(bare) + 25);
  expect(leftovers(world).filter((path) => !path.includes("/.git/worktrees/bare-"))).toEqual([]);
});
