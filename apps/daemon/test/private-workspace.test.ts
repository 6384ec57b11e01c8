import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";

import { expect, test } from "vitest";

import { inside, place } from "./private-place.ts";

function lastSubject(directory: string, revision = "HEAD"): string {
  return execFileSync("git", ["log", "-1", "--format=%s", revision], { cwd: directory, encoding: "utf8" }).trim();
}

test("a session on a backend that isolates works on a git directory of its own, and its commits come out with status, diff and delete", async () => {
  const { home, repository, engine } = place();
  const session = await engine.sessions.create({ repository, name: "one" });
  const { workspace } = await session.detail();
  expect(await inside(session, "git", "rev-parse", "--git-dir")).toBe(path.join(home, "private", session.id, "inside"));
  expect(existsSync(path.join(repository, ".git", "worktrees"))).toBe(false);
  writeFileSync(path.join(workspace, "work.txt"), "work\n");
  await inside(session, "git", "add", "work.txt");
  await inside(session, "git", "-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-q", "-m", "Work");
  expect(await session.diff({ format: "names" })).toBe("work.txt\n");
  expect(lastSubject(workspace)).toBe("Work");
  expect((await session.detail({ withWorkspace: true })).workspaceStatus).toMatchObject({
    staged: 0,
    untracked: 0,
    unreachedCommits: 1,
  });
  const { kept } = await session.delete({ keepBranch: true });
  expect(kept.join("\n")).toContain("clauderon/one stays");
  expect(lastSubject(repository, "clauderon/one")).toBe("Work");
  expect(existsSync(path.join(home, "private", session.id))).toBe(false);
  const restored = await engine.undo.restore();
  const again = await engine.sessions.get(restored.id);
  await again.start();
  expect(lastSubject(workspace)).toBe("Work");
}, 120_000);
