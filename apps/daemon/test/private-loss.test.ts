import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";

import type { Session, SessionEvent } from "@clauderon/core/contract";
import { expect, test } from "vitest";

import { commitInside, inside, place, type Place } from "./private-place.ts";

const LONG = 120_000;

function subjects(repository: string, branch: string): string {
  return execFileSync("git", ["log", "--format=%s", branch], { cwd: repository, encoding: "utf8" }).trim();
}

/** A session whose sandbox was stopped from outside: what it holds since its last commit came out is known to nobody. */
async function stoppedBehind({ engine, repository, backend }: Place): Promise<Session> {
  const session = await engine.sessions.create({ repository, name: "one" });
  await session.stop();
  const sandbox = await backend.open(session.id);
  await sandbox?.start();
  await commitInside(session, "Hidden");
  await sandbox?.stop();
  return session;
}

test(
  "where nothing is kept for undo, commits in a stopped sandbox come out before it is deleted, and are counted",
  async () => {
    const world = place({ undoKeepMs: 0 });
    const session = await stoppedBehind(world);
    expect((await session.detail({ withWorkspace: true })).workspaceStatus).toMatchObject({ isBehind: true });
    await expect(session.delete()).rejects.toMatchObject({
      code: "session.work-at-risk",
      why: "1 commit on clauderon/one that no other branch has",
    });
    expect((await (await world.backend.open(session.id))?.inspect())?.state).toBe("stopped");
    const { kept } = await session.delete({ discard: true });
    expect(kept.join("\n")).toContain("branch clauderon/one stays");
    expect(subjects(world.repository, "clauderon/one")).toContain("Hidden");
    expect(existsSync(path.join(world.home, "private", session.id))).toBe(false);
  },
  LONG,
);

test(
  "where the sandbox is gone, what it held alone refuses the deletion; given up, it is said",
  async () => {
    const world = place({ undoKeepMs: 0 });
    const session = await stoppedBehind(world);
    await (await world.backend.open(session.id))?.destroy();
    await expect(session.delete()).rejects.toMatchObject({
      code: "session.work-at-risk",
      why: expect.stringContaining("what was written to its sandbox's git directory since commits last came out"),
      fix: expect.arrayContaining([expect.stringContaining("clauderon start one")]),
    });
    expect(existsSync(path.join(world.home, "private", session.id, "inside"))).toBe(true);
    await session.start();
    await session.detail({ withWorkspace: true });
    await expect(session.delete()).rejects.toMatchObject({ why: "1 commit on clauderon/one that no other branch has" });
    await inside(session, "git", "branch", "elsewhere");
    await commitInside(session, "More");
    const sandbox = await world.backend.open(session.id);
    await sandbox?.destroy();
    const { kept } = await session.delete({ discard: true });
    expect(kept.join("\n")).toContain("is gone: it has no sandbox on box any more");
  },
  LONG,
);

test(
  "an archived session has brought its commits out, whether or not its sandbox ran",
  async () => {
    const world = place();
    const session = await stoppedBehind(world);
    await session.archive();
    expect(subjects(world.repository, "clauderon/one")).toContain("Hidden");
    await session.unarchive();
    await session.start();
    expect(await inside(session, "git", "log", "-1", "--format=%s")).toBe("Hidden");
  },
  LONG,
);

test(
  "commits come out by themselves when a turn ends and before a stop; what there is to tell is told",
  async () => {
    const { engine, repository } = place();
    const session = await engine.sessions.create({ repository, name: "one" });
    const { workspace } = await session.detail();
    const seen: SessionEvent[] = [];
    const following = new AbortController();
    const reading = (async () => {
      for await (const event of engine.events({ signal: following.signal })) seen.push(event);
    })().catch(() => undefined);
    await commitInside(session, "Turn");
    const exchange = { vendor: "anthropic", exchangeId: "1" } as const;
    const at = new Date().toISOString();
    await engine.record({
      events: [
        {
          sessionId: session.id,
          sessionName: "one",
          at,
          body: { type: "model.turn-ended", ...exchange, reason: "end" },
        },
      ],
    });
    await expect.poll(() => subjects(workspace, "HEAD"), { timeout: 60_000 }).toContain("Turn");
    // Waits for the sync that is ending.
    await session.diff();
    const mine = ["-c", "user.name=U", "-c", "user.email=u@example.com", "commit", "-q", "--allow-empty", "-m", "Mine"];
    execFileSync("git", mine, { cwd: workspace });
    await session.diff();
    expect((await session.detail()).syncNotices).toEqual([
      expect.stringContaining("HEAD and the index in"),
      expect.stringContaining("1 commit that was made on clauderon/one"),
    ]);
    await expect
      .poll(() => seen.flatMap(({ body }) => (body.type === "session.synced" ? body.notices.length : [])), {
        timeout: 60_000,
      })
      .toEqual([2]);
    await inside(session, "git", "reset", "-q", "host/clauderon/one");
    await commitInside(session, "Last");
    await session.stop();
    expect(subjects(workspace, "HEAD").split("\n").slice(0, 3)).toEqual(["Last", "Mine", "Turn"]);
    expect(await session.detail()).not.toHaveProperty("syncNotices");
    following.abort();
    await reading;
  },
  LONG,
);
