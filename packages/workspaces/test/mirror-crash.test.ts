import { join } from "node:path";
import { pathToFileURL } from "node:url";

import type { CommandRunner, CreationProgress, OnCreationProgress, RepositoryInfo } from "@clauderon/core/contract";
import { expect, it } from "vitest";

import { type Fixture, fixture, helpedRunner, watchedRunner } from "./git-fixture.ts";
import { commitFile, generations, halves } from "./mirror-fixture.ts";
import { walkMirrorCrashes, walkMirrorFaults } from "./mirror-walk.ts";

it("a process killed while it borrows leaves what the next one clears away, and no borrower is touched", async () => {
  expect(await walkMirrorCrashes(37)).toBeGreaterThan(3);
}, 120_000);

it.each(["before", "after", "from-then-on"] as const)(
  "a file-system call that fails while a session borrows leaves nothing, and no borrower is touched: %s",
  async (mode) => {
    expect(await walkMirrorFaults(mode, 29)).toBeGreaterThan(3);
  },
  120_000,
);

it("an abort at any command leaves nothing, and who waited for the same goes on", async () => {
  const world = fixture();
  const commonDirectory = join(world.repository, ".git");
  for (const stopAt of ["for-each-ref", "pack-objects"]) {
    const controller = new AbortController();
    let isFirst = true;
    const runner = watchedRunner((args) => {
      if (!isFirst || !args.includes(stopAt)) return;
      isFirst = false;
      queueMicrotask(() => controller.abort(new Error("enough")));
    });
    const { mirrors } = world.providerWith({ runner });
    const { signal } = controller;
    const stopped = mirrors.borrow({ sessionId: "stopped", commonDirectory }, { signal });
    const other = mirrors.borrow({ sessionId: "other", commonDirectory });
    await expect(stopped).rejects.toThrow("enough");
    const { directory } = await other;
    expect([generations(world), halves(world)]).toEqual([[directory], []]);
    await mirrors.release("other");
    commitFile(world, { [`${stopAt}.txt`]: "new\n" });
    const alone = AbortSignal.abort(new Error("before"));
    await expect(mirrors.borrow({ sessionId: "stopped", commonDirectory }, { signal: alone })).rejects.toThrow(
      "before",
    );
    expect([generations(world), halves(world)]).toEqual([[directory], []]);
  }
}, 120_000);

it("tells all who wait how far it is", async () => {
  const world = fixture();
  world.git(["repack", "-a", "-d", "-q"]);
  const commonDirectory = join(world.repository, ".git");
  const seen: CreationProgress[] = [];
  const later: CreationProgress[] = [];
  const heard = Promise.withResolvers<void>();
  const run: CommandRunner["run"] = async (program, args, options) => {
    if (args.includes("pack-objects")) await heard.promise;
    return helpedRunner.run(program, args, options);
  };
  const { mirrors } = world.providerWith({ runner: { ...helpedRunner, run } });
  const first = mirrors.borrow({ sessionId: "one", commonDirectory }, { onProgress: (at) => seen.push(at) });
  const onProgress = (at: CreationProgress): void => {
    later.push(at);
    heard.resolve();
  };
  const second = mirrors.borrow({ sessionId: "two", commonDirectory }, { onProgress });
  await Promise.all([first, second]);
  expect(seen[0]).toEqual({ task: "history", phase: "counting", bytes: 0, totalBytes: expect.any(Number) });
  const { bytes } = seen.at(-1) ?? { bytes: 0 };
  expect(bytes).toBeGreaterThan(0);
  expect(seen.at(-1)).toEqual({ task: "history", phase: "writing", bytes, totalBytes: bytes });
  expect(later.at(-1)).toEqual(seen.at(-1));
  const { path } = await resolveFetched(world, (at) => seen.push(at));
  expect([path.startsWith(world.home), seen.at(-1)?.task]).toEqual([true, "clone"]);
}, 120_000);

function resolveFetched(world: Fixture, onProgress: OnCreationProgress): Promise<RepositoryInfo> {
  return world.provider.resolve(pathToFileURL(world.repository).href, { onProgress });
}
