import { inspect } from "node:util";

import { crashPointNames } from "@clauderon/core";
import type { Clauderon, SessionDetail } from "@clauderon/core/contract";
import { afterAll, describe, expect, it, vi } from "vitest";

import { CrashHome, crashPrompt, type CrashWorld } from "./crash-home.ts";
import { editSessions } from "./edit-sessions.ts";
import { until } from "./until.ts";

export interface CrashWalk {
  readonly backend: string;
  /** Why the backend cannot be used here. */
  readonly unavailable?: string | undefined;
  /** Default: all. */
  readonly points?: readonly string[] | undefined;
  /** What the backend has outside, for each home anew. */
  openWorld(home: string): CrashWorld;
}

/** Homes of their own: two points are walked at once, so that waiting for one leaves the machine to the other. */
const atOnce = 2;

/** Ends the real daemon at every crash point, starts it again, and compares the world with the record. */
export function describeCrashWalk(walk: CrashWalk): void {
  const settleTimes: number[] = [];
  const failures: string[] = [];
  vi.setConfig({ maxConcurrency: atOnce });

  describe.skipIf(walk.unavailable !== undefined)(`kill -9 of the daemon, ${walk.backend} backend`, () => {
    afterAll(() => {
      const sorted = settleTimes.toSorted((left, right) => left - right);
      const quantile = (share: number): number =>
        Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
      const table = [
        `${walk.backend}: ${settleTimes.length} crash points, ${failures.length} failures, settled after ${quantile(0.5)} ms (p50), ${quantile(0.95)} ms (p95)`,
        ...failures.map((failure) => `  ${failure}`),
      ];
      process.stdout.write(`${table.join("\n")}\n`);
    });

    it.concurrent.each(walk.points ?? crashPointNames)("at %s loses nothing and leaves nothing", async (point) => {
      await using home = new CrashHome(walk.backend, (path) => walk.openWorld(path));
      try {
        await prepare(home, point);
        await crash(home, point);

        home.setAgentMissing(false);
        const startedMs = performance.now();
        const clauderon = await home.start();
        await settled(home, clauderon);
        settleTimes.push(performance.now() - startedMs);
        await expectAgreement(home, clauderon, point);
        await finish(home, clauderon, point);
      } catch (error) {
        failures.push(`${point}: ${error instanceof Error ? error.message : String(error)}`);
        throw error;
      }
    });
  });
}

/** What is there before the call that is cut off. */
async function prepare(home: CrashHome, point: string): Promise<void> {
  if (point.startsWith("create.")) {
    home.setAgentMissing(point.startsWith("create.und"));
    return;
  }
  const clauderon = await home.start();
  const session = await home.create(clauderon);
  await home.promptDelivered();
  if (point.startsWith("restore.")) await session.delete({ discard: true });
  if (point.startsWith("unarchive.")) await session.archive();
  if (point.startsWith("start.") || point.startsWith("reconcile.adopt")) await session.stop({ graceMs: 1000 });
  if (point.startsWith("merge."))
    await session.exec(["git", "commit", "--quiet", "--allow-empty", "-m", "Work of the session"]);
  if (point.startsWith("start.und")) home.setAgentMissing(true);
  if (point.startsWith("reconcile.adopt")) {
    await session.start();
    await home.kill();
    await editSessions(home.databasePath, (state) => ({ ...state, lifecycle: "stopped" }));
    return;
  }
  if (point.startsWith("rewind.")) {
    await session.stop({ graceMs: 1000 });
    await clauderon.checkpoints.create("fix");
  }
  await home.kill();
  if (point.startsWith("reconcile.destroy-sandbox") || point.startsWith("reconcile.remove-workspace")) {
    home.removeWork();
    await editSessions(home.databasePath, () => undefined);
  }
  if (point.startsWith("reconcile.mark-lost")) await home.endKeepers();
  if (point.startsWith("reconcile.mark-drifted")) await home.endAgent();
}

/** The daemon dies at the point; the call that leads there may or may not be answered before. */
async function crash(home: CrashHome, point: string): Promise<void> {
  const clauderon = await home.start(point);
  const failure = await act(home, clauderon, point).then(
    () => undefined,
    (error: unknown) => error,
  );
  const end = await home.ended(() => `the daemon did not get to ${point}: its call ended with ${inspect(failure)}`);
  expect(end).toBe("SIGKILL");
}

/** The call that is cut off. */
async function act(home: CrashHome, clauderon: Clauderon, point: string): Promise<void> {
  if (point.startsWith("create.")) await home.create(clauderon);
  else if (point.startsWith("start.")) await (await clauderon.sessions.get("fix")).start();
  else if (point.startsWith("stop.")) await (await clauderon.sessions.get("fix")).stop({ graceMs: 1000 });
  else if (point.startsWith("delete.")) await (await clauderon.sessions.get("fix")).delete({ discard: true });
  else if (point.startsWith("restore.")) await clauderon.undo.restore({ reference: "fix" });
  else if (point.startsWith("archive.")) await (await clauderon.sessions.get("fix")).archive();
  else if (point.startsWith("unarchive.")) await (await clauderon.sessions.get("fix")).unarchive();
  else if (point.startsWith("merge.")) await (await clauderon.sessions.get("fix")).merge({ isCommittedOnly: true });
  else if (point.startsWith("apply.")) await (await clauderon.sessions.get("fix")).apply();
  else if (point.startsWith("rewind.")) await rewind(clauderon, "user");
  else if (point.startsWith("access."))
    await (await clauderon.sessions.get("fix")).changeAccess({ allow: ["example.com"] });
  else if (point.startsWith("watch.")) {
    // The agent is watched from the end of a reconcile on; the one at the start would note an earlier end by a point of its own.
    await clauderon.reconcile();
    await (await clauderon.sessions.get("fix")).exec(["pkill", "-KILL", "-f", home.agentMark]);
  }
  // Reconcile runs by itself at the start.
}

async function rewind(clauderon: Clauderon, trigger: "user" | "restore"): Promise<string> {
  const checkpoint = (await clauderon.checkpoints.list("fix")).find((candidate) => candidate.trigger === trigger);
  return (await clauderon.checkpoints.restore("fix", checkpoint?.id ?? "")).undoId;
}

async function settled(home: CrashHome, clauderon: Clauderon): Promise<void> {
  let disagreement: string | undefined;
  await until(
    async () => {
      disagreement = await disagreementOf(home, clauderon);
      return disagreement === undefined;
    },
    () => `the world does not settle: ${disagreement}`,
    120_000,
  );
}

/** What record and world do not agree on, once no operation is in progress any more, whichever way it ended. */
async function disagreementOf(home: CrashHome, clauderon: Clauderon): Promise<string | undefined> {
  for (const { id } of await clauderon.sessions.list()) {
    const session = await clauderon.sessions.get(id).catch(() => undefined);
    await session?.ready().catch(() => undefined);
  }
  const { findings } = await clauderon.reconcile({ isDryRun: true });
  if (findings.length > 0) return findings.map((finding) => finding.message).join("; ");
  const lifecycles = (await clauderon.sessions.list()).map((session) => session.lifecycle);
  // A stop that goes on shows as `running` until it has ended: the processes must agree too.
  const agents = home.agentProcesses().length;
  const isAgreed =
    agents === lifecycles.filter((lifecycle) => lifecycle === "running").length &&
    lifecycles.every((lifecycle) => lifecycle !== "creating" && lifecycle !== "deleting");
  return isAgreed ? undefined : `sessions: ${lifecycles.join(", ")}; agents: ${agents}`;
}

async function expectAgreement(home: CrashHome, clauderon: Clauderon, point: string): Promise<void> {
  const sessions = await clauderon.sessions.list();
  const mayBeGone =
    point.startsWith("delete.") ||
    point === "create.requested.before-write" ||
    point === "restore.requested.before-write" ||
    point.startsWith("reconcile.destroy") ||
    point.startsWith("reconcile.remove");
  if (!mayBeGone) expect(sessions.map((session) => session.name)).toEqual(["fix"]);
  const [session] = sessions;
  const detail: SessionDetail | undefined =
    session === undefined ? undefined : await (await clauderon.sessions.get(session.id)).detail();
  const isArchived = detail?.lifecycle === "archived" && /^(?:un)?archive\./u.test(point);
  if (!isArchived) expect(["running", "stopped", "failed", undefined]).toContain(detail?.lifecycle);
  expect(home.agentProcesses().length).toBe(detail?.lifecycle === "running" ? 1 : 0);
  const hasWorkspace = detail !== undefined && !(detail.lifecycle === "failed" && point.startsWith("create."));
  expect(home.worktrees()).toEqual(hasWorkspace && !isArchived ? ["fix"] : []);
  expect(home.knownWorktrees()).toEqual(home.worktrees());
  expect(home.branches()).toEqual(hasWorkspace ? ["clauderon/fix"] : []);
  expect(home.outside().length).toBeLessThanOrEqual(1);
  expect(home.prompts().length).toBeLessThanOrEqual(1);
}

/** The same call again ends well, and deletion leaves nothing. */
async function finish(home: CrashHome, clauderon: Clauderon, point: string): Promise<void> {
  if (point.startsWith("create.")) {
    await home.create(clauderon).catch(() => undefined);
    const session = await clauderon.sessions.get("fix");
    await session.start({ environment: home.environment });
    await home.promptDelivered();
    expect(home.prompts()).toEqual([crashPrompt]);
  }
  if (point.startsWith("delete.") || point.startsWith("restore.")) {
    const isGone = (await clauderon.sessions.list()).length === 0;
    const session = isGone ? await clauderon.undo.restore({ reference: "fix" }) : await clauderon.sessions.get("fix");
    expect(await session.detail({ withWorkspace: true })).toMatchObject({ workspaceStatus: { files: ["hello.txt"] } });
    expect(await clauderon.undo.list()).toEqual([]);
  }
  if (/^(?:un)?archive\./u.test(point)) {
    const session = await clauderon.sessions.get("fix");
    await session.unarchive();
    expect(await session.detail({ withWorkspace: true })).toMatchObject({ workspaceStatus: { files: ["hello.txt"] } });
  }
  if (point.startsWith("merge.") || point.startsWith("apply.")) {
    const session = await clauderon.sessions.get("fix");
    for (const { id } of await clauderon.undo.list()) await clauderon.undo.takeBack(id);
    const { isUpToDate, undoId = "" } = await (point.startsWith("merge.")
      ? session.merge({ isCommittedOnly: true })
      : session.apply());
    expect(isUpToDate).toBe(false);
    // Commits that are merged do not hold the session's branch when it is deleted.
    if (point.startsWith("apply.")) await clauderon.undo.takeBack(undoId);
  }
  if (point.startsWith("rewind.")) {
    await clauderon.undo.takeBack(await rewind(clauderon, "user"));
    expect((await (await clauderon.sessions.get("fix")).detail()).lifecycle).toBe("stopped");
  }
  for (const { id } of await clauderon.sessions.list()) {
    const session = await clauderon.sessions.get(id);
    await session.delete({ discard: true });
  }
  expect(home.agentProcesses()).toEqual([]);
  expect(home.worktrees()).toEqual([]);
  expect(home.knownWorktrees()).toEqual([]);
  expect(home.branches()).toEqual([]);
  expect(home.outside()).toEqual([]);
}
