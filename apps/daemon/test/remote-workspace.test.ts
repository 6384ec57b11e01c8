import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { expect, test } from "vitest";

import { commit, inside, remotePlace } from "./remote-place.ts";

test("a session far away works on all that was here, and its work comes back by diff, merge, delete and undo", async () => {
  const { home, repository, engine, git } = remotePlace();
  writeFileSync(path.join(repository, "open.txt"), "open\n");
  const session = await engine.sessions.create({ repository, name: "one", withChanges: true });
  const { workspace } = await session.detail();
  const far = await inside(session, "pwd; cat open.txt; git branch --show-current");
  expect(far).toContain(path.join(home, "state", "far"));
  expect(far).toContain("open\nclauderon/one");
  await inside(session, `echo work > work.txt; git add work.txt; ${commit} Work; echo later > later.txt`);
  expect((await session.diff({ format: "names" })).split("\n")).toEqual(["later.txt", "open.txt", "work.txt", ""]);
  expect(readFileSync(path.join(workspace, "later.txt"), "utf8")).toBe("later\n");
  await expect(session.delete()).rejects.toMatchObject({ code: "session.work-at-risk" });
  expect((await session.detail()).lifecycle).toBe("running");
  rmSync(path.join(repository, "open.txt"));
  await expect(session.merge()).rejects.toMatchObject({ code: "merge.refused" });
  await inside(session, `git add -A; ${commit} All`);
  expect(await session.merge()).toMatchObject({ isUpToDate: false });
  expect(git("log", "-1", "--format=%s", "main")).toBe("All");
  await inside(session, "echo new > new.txt; mkdir ignored; echo '*' > ignored/.gitignore; echo built > ignored/out");
  await session.delete({ discard: true, ignored: "keep" });
  expect(existsSync(workspace)).toBe(false);
  const restored = await engine.undo.restore({ reference: session.id });
  const again = await engine.sessions.get(restored.id);
  const { notices } = await again.start();
  expect(notices.join("\n")).not.toContain("did not come out");
  expect(await inside(again, "cat later.txt ignored/out; git log -1 --format=%s; git status --short")).toBe(
    "later\nbuilt\nAll\n?? new.txt",
  );
}, 120_000);
