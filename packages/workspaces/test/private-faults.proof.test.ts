import { ClauderonError } from "@clauderon/core/contract";
import { describe, expect, it } from "vitest";

import { firstOf, walkFaultsOfCreate, walkFaultsOfRemove } from "./fault-walk.ts";
import { faultyFileSystem } from "./faulty-file-system.ts";
import { privateSession, whyNoMounts } from "./private-fixture.ts";
import { scaled } from "./scaled.ts";

if (whyNoMounts !== undefined) process.stdout.write(`${whyNoMounts}\n`);

const modes = ["before", "after", "from-then-on"] as const;

describe("a file-system call that fails with a private workspace", () => {
  it.each(modes)(
    "in create leaves nothing, or what the next create or undo sets right: %s",
    (mode) => walkFaultsOfCreate(mode, true, { isPrivate: true }),
    600_000,
  );

  it.each(modes)(
    "in remove is made good by the next: %s",
    (mode) => walkFaultsOfRemove(mode, { isPrivate: true }),
    600_000,
  );

  it.skipIf(whyNoMounts !== undefined).each(modes)(
    "in sync is made good by the next, and nothing is taken for the user's: %s",
    async (mode) => {
      const session = await privateSession();
      const { world, record, sandbox } = session;
      let isOver = false;
      const step = scaled({ usual: 17, deep: 1 });
      for (let failing = 1 + firstOf(mode, step); !isOver; failing += step) {
        const change = `echo ${String(failing)} > work.txt; git add work.txt; git commit -q -m Work; git switch -q -c b${String(failing)}; echo staged${String(failing)} > a.txt; git add a.txt; git switch -q -C side`;
        await sandbox.run(["sh", "-ec", change]);
        const faulty = faultyFileSystem(failing, mode, { countsReads: mode !== "after" });
        const outcome: unknown = await world
          .providerWith({ fileSystem: faulty.fileSystem })
          .sync(record, sandbox)
          .then(
            () => "synced",
            (error: unknown) => error,
          );
        isOver = faulty.calls() < failing;
        expect([failing, outcome === "synced" || ClauderonError.isInstance(outcome)]).toEqual([failing, true]);
        await sandbox.run(["sh", "-ec", "git switch -q -C third; git rm -q --cached b.txt"]);
        expect([failing, (await session.sync()).notices]).toEqual([failing, []]);
        const status = ["status", "--porcelain=v2", "--branch"];
        expect([failing, session.host(status)]).toEqual([failing, await sandbox.git(status)]);
        await sandbox.git(["add", "b.txt"]);
      }
    },
    900_000,
  );
});
