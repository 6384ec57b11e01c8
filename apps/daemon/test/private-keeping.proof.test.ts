import { execFileSync } from "node:child_process";
import { renameSync } from "node:fs";
import path from "node:path";

import { expect, test } from "vitest";

import { commitInside, inside, place } from "./private-place.ts";

test("no agent starts in a sandbox that is not yet at the checkpoint that was gone back to", async () => {
  const { engine, repository, home, backend } = place();
  const session = await engine.sessions.create({ repository, name: "one" });
  await commitInside(session, "One");
  const { id } = await engine.checkpoints.create("one");
  await commitInside(session, "Two");
  await session.stop();
  await engine.checkpoints.restore("one", id);
  // Somebody works in its sandbox all the same.
  const sandbox = await backend.open(session.id);
  await sandbox?.start();
  await commitInside(session, "Late");
  await sandbox?.stop();
  const head = path.join(home, "private", session.id, "inside", "HEAD");
  renameSync(head, `${head}-away`);
  await expect(session.start()).rejects.toMatchObject({
    code: "workspace.sync-failed",
    message: expect.stringContaining("the checkpoint that the session went back to"),
    fix: expect.arrayContaining([expect.stringContaining(`clauderon create --from ${id}`)]),
  });
  expect((await session.detail()).lifecycle).not.toBe("running");
  renameSync(`${head}-away`, head);
  const { notices } = await session.start();
  expect(notices.join("\n")).toContain("kept on the branch clauderon/one-replaced: 1 commit");
  expect(await inside(session, "git", "log", "-1", "--format=%s")).toBe("One");
  expect(await inside(session, "git", "log", "-1", "--format=%s", "clauderon/one-replaced")).toBe("Late");
}, 120_000);

test("a branch that is kept is never older than what the session committed, without being told where that is", async () => {
  const { engine, repository } = place();
  const git = (...args: readonly string[]): string =>
    execFileSync("git", args, { cwd: repository, encoding: "utf8" }).trim();
  const session = await engine.sessions.create({ repository, name: "one" });
  git("checkout", "--quiet", "clauderon/one");
  await commitInside(session, "Newer");
  const { kept } = await session.delete({ keepBranch: true });
  expect(kept).toEqual([
    "branch clauderon/one stays: as asked for; it has not all commits of the session",
    expect.stringContaining("branch clauderon/one-kept was made: commits of the session's branch"),
  ]);
  expect(git("log", "-1", "--format=%s", "clauderon/one-kept")).toBe("Newer");
}, 120_000);
