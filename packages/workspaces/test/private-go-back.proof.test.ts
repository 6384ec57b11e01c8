import { existsSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { checkpointRequest as request } from "./checkpoint-property.ts";
import { privateSession, type PrivateSession, whyNoMounts } from "./private-fixture.ts";

if (whyNoMounts !== undefined) process.stdout.write(`${whyNoMounts}\n`);

const SESSION = "session-fix";

/** Both sides, as git of each says. */
async function seen({ sandbox, host }: PrivateSession): Promise<unknown> {
  const args = ["status", "--porcelain=v2", "--branch", "--untracked-files=all"];
  return [await sandbox.git(args), host(args), await sandbox.git(["log", "--format=%s"])];
}

async function withCheckpoint(): Promise<PrivateSession> {
  const session = await privateSession();
  const { world, record, sandbox } = session;
  await sandbox.run([
    "sh",
    "-ec",
    "echo one > work.txt; git add .; git commit -q -m One; echo s > s.txt; git add s.txt; echo d >> a.txt",
  ]);
  await session.sync();
  await world.provider.checkpoints.create(record, request(SESSION, "one"));
  return session;
}

describe.skipIf(whyNoMounts !== undefined)("going back to a checkpoint in a private workspace", () => {
  it("brings HEAD, branch and index of the sandbox back, too, at the next sync, and keeps its other branches", async () => {
    const session = await withCheckpoint();
    const { world, record, sandbox, host } = session;
    const before = await seen(session);
    await sandbox.run([
      "sh",
      "-ec",
      "git commit -q -a -m Two; git switch -q -c other; echo o > o.txt; git add .; git commit -q -m Other",
    ]);
    await session.sync();
    const after = await seen(session);
    const { before: replaced } = await world.provider.checkpoints.restore(record, {
      id: "one",
      before: request(SESSION, "two"),
    });
    expect(host(["log", "-1", "--format=%s", "other"])).toBe("Other\n");
    expect((await session.sync()).notices).toEqual([]);
    expect(await seen(session)).toEqual(before);
    expect(await sandbox.git(["log", "-1", "--format=%s", "other"])).toBe("Other\n");
    expect(await sandbox.git(["for-each-ref", "refs/clauderon/back"])).toBe("");
    // And forth.
    await world.provider.checkpoints.restore(record, { id: replaced.id, before: request(SESSION, "three") });
    expect((await session.sync()).notices).toEqual([]);
    expect(await seen(session)).toEqual(after);
  }, 120_000);

  it("is not lost when the sandbox cannot be reached: the next sync does it", async () => {
    const session = await withCheckpoint();
    const { world, record, sandbox } = session;
    const before = await seen(session);
    await sandbox.run(["sh", "-ec", "git merge -q --no-ff -m Merge main 2>/dev/null || true; git commit -q -a -m Two"]);
    await session.sync();
    await world.provider.checkpoints.restore(record, { id: "one", before: request(SESSION, "two") });
    const gone = { exec: () => Promise.reject(new Error("the engine is gone")) };
    await expect(world.provider.sync(record, gone)).rejects.toMatchObject({
      code: "workspace.sync-failed",
      why: expect.stringContaining("the engine is gone"),
    });
    expect(existsSync(join(record.privateDirectory ?? "", "outside", "clauderon-goes-back"))).toBe(true);
    expect((await session.sync()).notices).toEqual([]);
    expect(await seen(session)).toEqual(before);
  }, 120_000);
});
