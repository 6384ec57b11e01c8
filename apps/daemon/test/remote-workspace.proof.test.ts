import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";

import { expect, test } from "vitest";

import { commit, inside, remotePlace } from "./remote-place.ts";

test("what a stopped session did last comes out when it is asked for, and without its sandbox nothing is given up", async () => {
  const { home, repository, engine } = remotePlace();
  const session = await engine.sessions.create({ repository, name: "two" });
  await inside(session, `echo work > work.txt; git add work.txt; ${commit} Work`);
  await session.stop();
  expect(await session.diff({ format: "names" })).toBe("work.txt\n");
  await session.start();
  await inside(session, "echo last > last.txt");
  await session.stop();
  // The backend's machine is away.
  const machine = path.join(home, "state", "far", session.id);
  execFileSync("mv", [machine, `${home}/away`]);
  const waits = { code: "workspace.sync-failed", message: expect.stringContaining("waits there") };
  await expect(session.diff()).rejects.toMatchObject(waits);
  await expect(session.merge()).rejects.toMatchObject(waits);
  await expect(session.delete()).rejects.toMatchObject({ code: "session.work-at-risk" });
  await expect(session.archive()).rejects.toMatchObject({ code: "session.work-at-risk" });
  execFileSync("mv", [`${home}/away`, machine]);
  expect(await session.diff({ format: "names" })).toBe("last.txt\nwork.txt\n");
  await session.archive();
  expect(existsSync(machine)).toBe(false);
  await session.unarchive();
  await session.start();
  expect(await inside(session, "cat last.txt work.txt")).toBe("last\nwork");
}, 120_000);

test("a sandbox that came back empty has what came out before, and what did not is told", async () => {
  const { repository, engine } = remotePlace();
  const session = await engine.sessions.create({ repository, name: "four" });
  const far = await inside(session, "pwd");
  await inside(session, `echo work > work.txt; git add work.txt; ${commit} Work`);
  await session.stop();
  const { unsynced } = (await session.detail({ withWorkspace: true })).workspaceStatus ?? {};
  for (const name of readdirSync(far)) rmSync(path.join(far, name), { recursive: true });
  const { notices } = await session.start();
  expect(notices.join("\n")).toContain(
    `its sandbox came back empty: what was done in it since ${unsynced?.since ?? "never"}`,
  );
  expect(await inside(session, "git log -1 --format=%s; cat work.txt")).toBe("Work\nwork");
}, 120_000);

test("a creation that fails leaves nothing, neither here nor there, and can be done again", async () => {
  const { home, repository, engine } = remotePlace();
  await expect(engine.sessions.create({ repository, name: "three", agent: "missing" })).rejects.toMatchObject({
    code: "command.not-found",
  });
  const [failed] = await engine.sessions.list();
  expect(failed).toMatchObject({ name: "three", lifecycle: "failed" });
  expect(existsSync(path.join(home, "worktrees", "three"))).toBe(false);
  expect(existsSync(path.join(home, "state", "far", failed?.id ?? ""))).toBe(false);
  await (await engine.sessions.get("three")).delete();
  const session = await engine.sessions.create({ repository, name: "three" });
  expect(await inside(session, "git status --short; git branch --show-current")).toBe("clauderon/three");
  await session.delete();
}, 120_000);
