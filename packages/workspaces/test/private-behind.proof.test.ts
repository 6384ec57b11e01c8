import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { errorWith, leftovers } from "./git-fixture.ts";
import { privateSession, whyNoMounts } from "./private-fixture.ts";

if (whyNoMounts !== undefined) process.stdout.write(`${whyNoMounts}\n`);

it("nothing is behind in a workspace that no sandbox has used", async () => {
  const { world, record } = await privateSession();
  expect(await world.provider.status(record)).not.toHaveProperty("isBehind");
}, 60_000);

describe.skipIf(whyNoMounts !== undefined)("what lies in the sandbox's git directory alone", () => {
  it("is told by status, and keeps the workspace from being removed for good until it came out", async () => {
    const session = await privateSession();
    const { world, record, request, sandbox } = session;
    await sandbox.run(["sh", "-ec", "git commit -q --allow-empty -m Hidden"]);
    expect(await world.provider.status(record)).toMatchObject({ unreachedCommits: 0, isBehind: true });
    await expect(world.provider.remove(record, { sessionId: request.sessionId })).rejects.toEqual(
      errorWith("workspace.exists"),
    );
    expect(existsSync(join(record.privateDirectory ?? "", "inside"))).toBe(true);
    await session.sync();
    expect(await world.provider.status(record)).toMatchObject({ unreachedCommits: 1 });
    expect(await world.provider.status(record)).not.toHaveProperty("isBehind");
    await world.provider.remove(record, { sessionId: request.sessionId });
    expect(leftovers(world)).toEqual(["refs/heads/clauderon/fix"]);
  }, 60_000);

  it("is told and kept also where the files were deleted by hand", async () => {
    const { world, record, request, sandbox } = await privateSession();
    await sandbox.run(["sh", "-ec", "git commit -q --allow-empty -m Hidden; git update-ref refs/stash HEAD"]);
    rmSync(record.path, { recursive: true });
    expect(await world.provider.status(record)).toMatchObject({ exists: false, isBehind: true });
    await world.provider.undo(record, request.sessionId);
    expect(existsSync(join(record.privateDirectory ?? "", "inside"))).toBe(true);
  }, 60_000);

  it("is not what only looks: a sync, a host's branch that comes in, and git status leave nothing behind", async () => {
    const session = await privateSession();
    const { world, record, host, sandbox } = session;
    host(["commit", "-q", "--allow-empty", "-m", "By hand"]);
    await sandbox.run(["sh", "-ec", "echo staged > s.txt; git add s.txt"]);
    await session.sync();
    await sandbox.git(["log", "--all"]);
    expect(await sandbox.git(["for-each-ref", "refs/remotes/host"])).toContain("refs/remotes/host/clauderon/fix");
    expect(await world.provider.status(record)).not.toHaveProperty("isBehind");
    for (const command of ["git stash -q", "git branch other", "git tag one", "git switch -q --detach"]) {
      await sandbox.run(["sh", "-ec", command]);
      expect([command, (await world.provider.status(record)).isBehind]).toEqual([command, true]);
      await session.sync();
      expect([command, (await world.provider.status(record)).isBehind]).toEqual([command, undefined]);
    }
  }, 120_000);

  it("is still known after the workspace was put away and back", async () => {
    const session = await privateSession();
    const { world, record, request, sandbox } = session;
    await session.sync();
    const away = async (): Promise<void> => {
      await world.provider.remove(record, {
        sessionId: request.sessionId,
        undo: { at: "2026-01-02T03:04:05.000Z", session: {} },
      });
      await world.provider.undoRecords.restore(request.sessionId, { sessionId: request.sessionId, name: "fix" });
    };
    await away();
    expect(await world.provider.status(record)).not.toHaveProperty("isBehind");
    await sandbox.run(["sh", "-ec", "git commit -q --allow-empty -m Hidden"]);
    await away();
    expect(await world.provider.status(record)).toMatchObject({ isBehind: true });
  }, 120_000);
});
