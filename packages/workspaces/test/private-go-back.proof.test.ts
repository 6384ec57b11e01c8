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

  it("before an agent starts it is done, or the start is refused with what to do", async () => {
    const session = await withCheckpoint();
    const { world, record, sandbox } = session;
    const before = await seen(session);
    expect(await world.provider.send(record, sandbox)).toEqual({ notices: [] });
    await sandbox.run(["sh", "-ec", "git commit -q -a -m Two"]);
    await session.sync();
    await world.provider.checkpoints.restore(record, { id: "one", before: request(SESSION, "two") });
    const gone = { exec: () => Promise.reject(new Error("the engine is gone")) };
    await expect(world.provider.send(record, gone)).rejects.toMatchObject({
      code: "workspace.sync-failed",
      message: expect.stringContaining("checkpoint"),
      why: expect.stringContaining("the engine is gone"),
      fix: expect.arrayContaining([expect.stringContaining("clauderon create --from one")]),
    });
    // Of a git that was ended in the middle of its work.
    await sandbox.run(["sh", "-ec", 'cd "$(git rev-parse --git-dir)"; touch index.lock refs/heads/clauderon/fix.lock']);
    expect(await world.provider.send(record, sandbox)).toEqual({ notices: [] });
    expect(await seen(session)).toEqual(before);
  }, 120_000);

  it("what was committed and staged inside meanwhile is on a branch there, which is told and comes out", async () => {
    const session = await withCheckpoint();
    const { world, record, sandbox, host } = session;
    const before = await seen(session);
    await sandbox.run(["sh", "-ec", "git commit -q -a -m Two"]);
    await session.sync();
    await world.provider.checkpoints.restore(record, { id: "one", before: request(SESSION, "two") });
    await sandbox.run([
      "sh",
      "-ec",
      String.raw`echo late > late.txt; git add late.txt; git commit -q -m Late; printf 'staged
' > 'a "b".txt'; git add 'a "b".txt'; rm late.txt 'a "b".txt'`,
    ]);
    const { notices } = await session.sync();
    expect(notices).toEqual([
      expect.stringContaining("kept on the branch clauderon/fix-replaced: 1 commit and 1 staged file"),
    ]);
    const kept = ["log", "--format=%s", "clauderon/fix-replaced"];
    expect(await sandbox.git(kept)).toBe("Staged before going back to a checkpoint\nLate\nTwo\nOne\nFirst\n");
    expect(host(kept)).toBe(await sandbox.git(kept));
    expect(host(["show", 'clauderon/fix-replaced:a "b".txt'])).toBe("staged\n");
    expect(await seen(session)).toEqual(before);
    expect((await session.sync()).notices).toEqual([]);
  }, 120_000);

  it("with the branch's name taken by one below it, HEAD is detached at the commit, on either side", async () => {
    const session = await withCheckpoint();
    const { world, record, sandbox, host } = session;
    const head = (await sandbox.git(["rev-parse", "HEAD"])).trim();
    await sandbox.run([
      "sh",
      "-ec",
      "git switch -q --detach; git branch -q -D clauderon/fix; git branch clauderon/fix/part",
    ]);
    await session.sync();
    const { notices } = await world.provider.checkpoints.restore(record, {
      id: "one",
      before: request(SESSION, "two"),
    });
    expect(notices.join()).toContain("clauderon/fix/part is in the way");
    await session.sync();
    expect((await sandbox.git(["rev-parse", "HEAD", "clauderon/fix/part"])).trim()).toBe(`${head}\n${head}`);
    // The name is taken after the files were put back.
    await sandbox.run(["sh", "-ec", "git branch -q -D clauderon/fix/part; git switch -q -c clauderon/fix"]);
    await session.sync();
    await world.provider.checkpoints.create(record, request(SESSION, "three"));
    await sandbox.run(["sh", "-ec", "git commit -q -a -m Three"]);
    await session.sync();
    await world.provider.checkpoints.restore(record, { id: "three", before: request(SESSION, "four") });
    await sandbox.run([
      "sh",
      "-ec",
      "git switch -q --detach; git branch -q -D clauderon/fix; git branch clauderon/fix/part",
    ]);
    expect((await session.sync()).notices.join()).toContain("the sandbox has the branch clauderon/fix/part");
    expect((await sandbox.git(["rev-parse", "HEAD"])).trim()).toBe(head);
    expect((await session.sync()).notices).toEqual([]);
    expect(host(["status", "--porcelain=v2"])).toBe(await sandbox.git(["status", "--porcelain=v2"]));
  }, 120_000);

  it("waits for what comes out at the same moment, which does not take it back", async () => {
    const session = await withCheckpoint();
    const { world, record, sandbox } = session;
    const before = await seen(session);
    await sandbox.run(["sh", "-ec", "git commit -q -a -m Two"]);
    let restoring: Promise<unknown> | undefined;
    const held: typeof sandbox.exec = async (argv, options) => {
      if (argv.includes("upload-pack") && restoring === undefined) {
        restoring = world.provider.checkpoints.restore(record, { id: "one", before: request(SESSION, "two") });
        // As many programs as that takes: were it not to wait, it would be done by then.
        for (let count = 0; count < 60; count += 1) await sandbox.git(["status", "--porcelain"]);
      }
      return sandbox.exec(argv, options);
    };
    await world.provider.sync(record, { exec: held });
    await restoring;
    await session.sync();
    expect(await seen(session)).toEqual(before);
  }, 120_000);
});
