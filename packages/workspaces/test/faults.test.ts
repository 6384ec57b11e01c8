import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { ClauderonError } from "@clauderon/core/contract";
import { describe, expect, it } from "vitest";

import { faultyFileSystem, type FaultMode } from "./faulty-file-system.ts";
import { type Fixture, fixture, leftovers, planned } from "./git-fixture.ts";

const modes: readonly FaultMode[] = ["before", "after", "from-then-on"];

async function swept(world: Fixture): Promise<readonly string[]> {
  // The first list removes what the faulty provider could not; its scratch directories belong to this process, so they are left out here.
  await Array.fromAsync(world.provider.list());
  return leftovers(world).filter((path) => !path.includes("/scratch/"));
}

describe.each(modes)("a file-system call that fails: %s", (mode) => {
  it.each([false, true])(
    "create finishes or leaves nothing, and the next create or undo converges (changes carried: %s)",
    async (withChanges) => {
      const world = fixture();
      if (withChanges) {
        world.write({ "a.txt": "changed\n", "b.txt": "staged\n", "new.txt": "new\n" });
        world.git(["add", "b.txt"]);
      }
      const plan = await planned(world, { withChanges });
      let isOver = false;
      let failures = 0;
      for (let failing = 1; !isOver; failing += 1) {
        const faulty = faultyFileSystem(failing, mode);
        const provider = world.providerWith({ fileSystem: faulty.fileSystem });
        const outcome = await provider.create(plan.request, plan.record).then(
          () => "made" as const,
          (error: unknown) => error,
        );
        isOver = faulty.calls() < failing;
        if (outcome !== "made") {
          failures += 1;
          expect(ClauderonError.isInstance(outcome, "repository.failed"), String(outcome)).toBe(true);
          if (mode !== "from-then-on") expect(await swept(world), `call ${String(failing)}`).toEqual([]);
        }
        if (failing % 2 === 0) {
          await world.provider.create(plan.request, plan.record);
          expect(readFileSync(join(plan.record.path, "a.txt"), "utf8")).toBe(withChanges ? "changed\n" : "one\n");
          expect(world.git(["status", "--porcelain"], plan.record.path)).toBe(
            withChanges ? " M a.txt\nM  b.txt\n?? new.txt\n" : "",
          );
        }
        await world.provider.undo(plan.record, plan.request.sessionId);
        expect(await swept(world), `call ${String(failing)}, ${String(outcome)}`).toEqual([]);
      }
      expect(failures).toBeGreaterThan(20);
    },
    120_000,
  );

  it("remove converges when it is called again", async () => {
    const world = fixture();
    let isOver = false;
    for (let failing = 1; !isOver; failing += 1) {
      const plan = await planned(world);
      await world.provider.create(plan.request, plan.record);
      const faulty = faultyFileSystem(failing, mode);
      const options = { sessionId: plan.request.sessionId };
      await world
        .providerWith({ fileSystem: faulty.fileSystem })
        .remove(plan.record, options)
        .catch((error: unknown) => {
          expect(ClauderonError.isInstance(error, "repository.failed"), String(error)).toBe(true);
        });
      isOver = faulty.calls() < failing;
      await world.provider.remove(plan.record, options);
      expect(await swept(world), `call ${String(failing)}`).toEqual([]);
      expect(existsSync(plan.record.path)).toBe(false);
    }
  }, 120_000);
});
