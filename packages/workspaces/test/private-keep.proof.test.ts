import { existsSync, renameSync, rmSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { errorWith } from "./git-fixture.ts";
import { privateSession, type PrivateSession, whyNoMounts } from "./private-fixture.ts";
import { remoteSession } from "./remote-fixture.ts";

if (whyNoMounts !== undefined) process.stdout.write(`${whyNoMounts}\n`);

const undo = { at: "2026-01-02T03:04:05.000Z", session: {} };

async function commitInside({ sandbox }: Pick<PrivateSession, "sandbox">, subject: string): Promise<string> {
  await sandbox.git(["commit", "--quiet", "--allow-empty", "-m", subject]);
  return (await sandbox.git(["rev-parse", "HEAD"])).trim();
}

/** One whose branch the user has checked out, so that it stays where it was. */
async function withOlderBranch(): Promise<PrivateSession & { readonly newer: string }> {
  const session = await privateSession();
  session.world.git(["checkout", "--quiet", "clauderon/fix"]);
  const newer = await commitInside(session, "Newer");
  await session.sync();
  return { ...session, newer };
}

describe.skipIf(whyNoMounts !== undefined)("commits that the session's branch in the repository cannot take", () => {
  it.each([undefined, undo])(
    "stay on another branch, which is told: with the undo record %j",
    async (record) => {
      const session = await withOlderBranch();
      const { world, request, newer } = session;
      const call = { sessionId: request.sessionId, keepBranch: true, undo: record };
      const removal = await world.provider.remove(session.record, call);
      expect(removal).toMatchObject({
        keptBranch: { name: "clauderon/fix", reason: "as asked for; it has not all commits of the session" },
        keptCommits: [
          { name: "clauderon/fix-kept", reason: expect.stringContaining("commits of the session's branch") },
        ],
      });
      expect(world.git(["rev-parse", "clauderon/fix-kept"]).trim()).toBe(newer);
      expect(world.git(["rev-parse", "clauderon/fix"]).trim()).toBe(session.record.base);
      if (record === undefined) return;
      await world.provider.undoRecords.restore(request.sessionId, { sessionId: request.sessionId, name: "fix" });
      expect(world.git(["branch", "--list", "clauderon/*-kept"])).toBe("");
      expect(session.host(["rev-parse", "HEAD"]).trim()).toBe(newer);
    },
    120_000,
  );

  it("stay where they are in use when the session is brought back; and with the repository gone the session stays", async () => {
    const session = await withOlderBranch();
    const { world, record, request, newer } = session;
    const { sessionId } = request;
    await world.provider.remove(record, { sessionId, keepBranch: true, undo });
    world.git(["checkout", "--quiet", "clauderon/fix-kept"]);
    await world.provider.undoRecords.restore(sessionId, { sessionId, name: "fix" });
    expect(world.git(["rev-parse", "HEAD"]).trim()).toBe(newer);
    await commitInside(session, "Newest");
    await session.sync();
    renameSync(world.repository, `${world.repository}-away`);
    for (const step of ["there", "files gone"]) {
      if (step === "files gone") rmSync(record.path, { recursive: true });
      const removing = world.provider.remove(record, { sessionId, keepBranch: true });
      await expect(removing).rejects.toEqual(errorWith("workspace.exists"));
    }
    expect(existsSync(record.privateDirectory ?? "")).toBe(true);
  }, 120_000);

  it("stay when they are given up, too, and when the branch was rewritten inside", async () => {
    const session = await privateSession();
    const { world, record, request, sandbox } = session;
    await commitInside(session, "First try");
    await session.sync();
    await world.provider.results.check(record, { kind: "merge", name: "fix" });
    await world.provider.checkpoints.create(record, {
      id: "one",
      sessionId: request.sessionId,
      name: "fix",
      at: undo.at,
      trigger: "user",
      session: {},
    });
    const published = world.git(["rev-parse", "clauderon/fix"]).trim();
    await sandbox.git(["commit", "--quiet", "--amend", "--allow-empty", "-m", "Second try"]);
    await sandbox.git(["branch", "given-up"]);
    await session.sync();
    const removal = await world.provider.remove(record, { sessionId: request.sessionId, force: true, undo });
    expect(removal.keptCommits?.map(({ name }) => name)).toEqual(["clauderon/fix-kept"]);
    expect(world.git(["log", "-1", "--format=%s", "clauderon/fix-kept"])).toBe("Second try\n");
    expect(world.git(["rev-parse", "clauderon/fix"]).trim()).toBe(published);
  }, 120_000);

  it("stay under a name that is free, whatever the user has made in the place of the branch", async () => {
    for (const [other, kept] of [
      ["clauderon/fix/mine", "clauderon/fix-kept"],
      ["clauderon", "clauderon-fix-kept"],
      [undefined, "clauderon/fix"],
    ] as const) {
      const session = await privateSession();
      const { world, record, request } = session;
      world.git(["branch", "--quiet", "-D", "clauderon/fix"]);
      if (other !== undefined) world.git(["branch", other]);
      const newer = await commitInside(session, "Newer");
      await session.sync();
      const { keptBranch, keptCommits = [] } = await world.provider.remove(record, {
        sessionId: request.sessionId,
        keepBranch: true,
        undo,
      });
      const names = [keptBranch?.name, ...keptCommits.map(({ name }) => name)];
      expect([other, names.filter((name) => name !== undefined)]).toEqual([other, [kept]]);
      expect([other, world.git(["rev-parse", kept]).trim()]).toEqual([other, newer]);
    }
  }, 120_000);

  it("stay when the files were deleted by hand, those of other branches and of a detached HEAD, too", async () => {
    const session = await privateSession();
    const { world, record, request, sandbox } = session;
    await sandbox.git(["switch", "--quiet", "-c", "other"]);
    await commitInside(session, "Below");
    await sandbox.git(["branch", "below"]);
    const other = await commitInside(session, "Other");
    await sandbox.git(["switch", "--quiet", "--detach", "clauderon/fix"]);
    const detached = await commitInside(session, "Detached");
    await session.sync();
    rmSync(record.path, { recursive: true });
    const { keptCommits = [] } = await world.provider.remove(record, { sessionId: request.sessionId });
    const kept = keptCommits.map(({ name }) => world.git(["rev-parse", name]).trim());
    expect(kept.toSorted()).toEqual([other, detached].toSorted());
  }, 120_000);

  it("stay on one branch when there are many", async () => {
    const session = await privateSession();
    const { world, record, request, sandbox } = session;
    await sandbox.run([
      "sh",
      "-ec",
      "for n in 1 2 3 4 5 6 7 8 9; do git switch -q -c b$n main; git commit -q --allow-empty -m $n; done",
    ]);
    await session.sync();
    const call = { sessionId: request.sessionId, keepBranch: true, undo };
    const { keptCommits } = await world.provider.remove(record, call);
    expect(keptCommits).toEqual([
      { name: "clauderon/fix-kept", reason: expect.stringContaining("the session's HEAD and branches") },
    ]);
    world.git(["gc", "--quiet", "--prune=now"]);
    const subjects = world.git(["log", "--format=%s", "clauderon/fix-kept", "--not", "main"]).trim().split("\n");
    expect(subjects.toSorted()).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9", "Branches of the session"]);
  }, 120_000);

  it("stay when the session was archived before", async () => {
    const session = await withOlderBranch();
    const { world, record, request, newer } = session;
    const { sessionId } = request;
    const archive = { sessionId, force: true, keepBranch: true, undo: { ...undo, isRequired: true } };
    expect(await world.provider.remove(record, archive)).not.toHaveProperty("keptCommits");
    const { keptCommits } = await world.provider.remove(record, { sessionId, keepBranch: true, undo });
    expect(keptCommits?.map(({ name }) => name)).toEqual(["clauderon/fix-kept"]);
    expect(world.git(["rev-parse", "clauderon/fix-kept"]).trim()).toBe(newer);
  }, 120_000);
});

it("commits of a remote workspace stay as well", async () => {
  const session = await remoteSession();
  const { world, record, request, sandbox } = session;
  world.git(["checkout", "--quiet", "clauderon/fix"]);
  await sandbox.script("git commit -q --allow-empty -m Newer");
  await session.sync({ isLast: true });
  const { keptCommits } = await world.provider.remove(record, { sessionId: request.sessionId, keepBranch: true, undo });
  expect(keptCommits?.map(({ name }) => name)).toEqual(["clauderon/fix-kept"]);
  expect(world.git(["log", "-1", "--format=%s", "clauderon/fix-kept"])).toBe("Newer\n");
}, 120_000);
