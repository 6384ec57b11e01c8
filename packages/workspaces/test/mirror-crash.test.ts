import { join } from "node:path";

import { expect, it } from "vitest";

import { fixture, watchedRunner } from "./git-fixture.ts";
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

it("tells how far it is", async () => {
  const world = fixture();
  const seen: string[] = [];
  await world.provider.mirrors.borrow(
    { sessionId: "one", commonDirectory: join(world.repository, ".git") },
    { onProgress: ({ phase, bytes }) => seen.push(`${phase} ${typeof bytes}`) },
  );
  expect(seen[0]).toBe("counting number");
}, 120_000);
