import { existsSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { errorWith, fixture, made } from "./git-fixture.ts";
import { mountedSandbox, privateSession, whyNoMounts } from "./private-fixture.ts";

if (whyNoMounts !== undefined) process.stdout.write(`${whyNoMounts}\n`);

it("a branch that a session has in a git directory of its own is taken, for every kind of session", async () => {
  const world = fixture();
  world.git(["branch", "topic"]);
  await made(world, { isPrivate: true, branch: "topic" });
  for (const isPrivate of [true, false]) {
    await expect(made(world, { isPrivate, branch: "topic", name: "other" })).rejects.toMatchObject({
      code: "workspace.branch-in-use",
      message: "The session fix works on the branch topic",
    });
    expect(existsSync(join(world.home, "worktrees", "other"))).toBe(false);
  }
  await made(world, { isPrivate: true, name: "own" });
  await expect(made(world, { isPrivate: true, branch: "clauderon/own", name: "other" })).rejects.toEqual(
    errorWith("workspace.branch-in-use"),
  );
}, 60_000);

describe.skipIf(whyNoMounts !== undefined)("what may come out of a sandbox", () => {
  it.each([
    ["maxBytes", 50_000, "sync_size"],
    ["maxObjects", 2, "sync_objects"],
    ["maxRefs", 2, "sync_refs"],
  ] as const)(
    "is limited by the settings, and the error names them: %s",
    async (limit, value, setting) => {
      const session = await privateSession();
      const { world, record, sandbox } = session;
      await sandbox.run([
        "sh",
        "-ec",
        "head -c 200000 /dev/urandom > noise; echo more >> a.txt; git add .; git commit -q -m Work; git branch one; git branch two",
      ]);
      const whole = { maxBytes: 1e9, maxObjects: 1e6, maxRefs: 1e4, timeoutMs: 60_000 };
      const narrow = world.providerWith({ syncLimits: { ...whole, [limit]: value } });
      const again = mountedSandbox(world, await narrow.mount(record));
      await expect(narrow.sync(record, again)).rejects.toMatchObject({
        code: "workspace.sync-failed",
        fix: [expect.any(String), expect.stringContaining(`clauderon config set workspace.${setting}`)],
      });
      expect(await world.providerWith({ syncLimits: whole }).sync(record, again)).toMatchObject({ notices: [] });
    },
    60_000,
  );
});
