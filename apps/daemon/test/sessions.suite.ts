import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import type { Clauderon, CreateSessionRequest, Session, SessionEvent } from "@clauderon/core/contract";
import { ClauderonError } from "@clauderon/core/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** What the suite is run against: the engine in this process, or the client of a daemon. */
export interface SessionsSubject {
  readonly clauderon: Clauderon;
  close(): Promise<void>;
}

export interface SessionsSuite {
  readonly name: string;
  /** A fresh home; an agent called `fake` is configured to the testing kit's fake agent, `missing` to a program that does not exist, `hasty` to one that exits at once with 3. */
  open(homeDirectory: string): Promise<SessionsSubject>;
}

/** One suite for both ways of using clauderon: same calls, same results, same errors. */
export function describeSessions(suite: SessionsSuite): void {
  describe(suite.name, () => {
    let root = "";
    let repository = "";
    let subject: SessionsSubject;
    let clauderon: Clauderon;

    beforeAll(async () => {
      root = mkdtempSync(path.join(tmpdir(), "clauderon-suite-"));
      repository = path.join(root, "repository");
      execFileSync("git", ["init", "--quiet", "--initial-branch=main", repository]);
      writeFileSync(path.join(repository, "a.txt"), "one\n");
      git("add", "-A");
      git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", "first");
      subject = await suite.open(path.join(root, "home"));
      clauderon = subject.clauderon;
    });

    afterAll(async () => {
      for (const { id } of await clauderon.sessions.list()) {
        const session = await clauderon.sessions.get(id);
        await session.delete({ discard: true });
      }
      await subject.close();
      rmSync(root, { recursive: true, force: true, maxRetries: 10 });
    });

    const git = (...args: readonly string[]): string =>
      execFileSync("git", ["-C", repository, ...args], { encoding: "utf8" });
    const create = (request: Partial<CreateSessionRequest> = {}): Promise<Session> =>
      clauderon.sessions.create({ repository, backend: "local", agent: "fake", ...request });

    /** The problem a call ends with. */
    async function problem(promise: Promise<unknown>): Promise<ClauderonError> {
      const error: unknown = await promise.then(
        () => undefined,
        (cause: unknown) => cause,
      );
      if (!ClauderonError.isInstance(error))
        throw new Error(`a ClauderonError was expected, not ${String(error)}`, { cause: error });
      expect(error.fix.length).toBeGreaterThan(0);
      return error;
    }

    it("creates, lists, executes, shows the difference, stops, starts and deletes", async () => {
      const session = await create({ name: "whole", prompt: "write hello.txt hi" });
      expect((await clauderon.sessions.list()).find((item) => item.id === session.id)).toMatchObject({
        schemaVersion: 1,
        name: "whole",
        state: "running",
        lifecycle: "running",
        attention: "unknown",
        backend: "local",
        agent: "fake",
        branch: "clauderon/whole",
        repository,
      });
      const result = await session.exec(["git", "rev-parse", "--abbrev-ref", "HEAD"]);
      expect(result).toMatchObject({ exitCode: 0, stdout: "clauderon/whole\n", stderr: "" });
      await session.exec(["sh", "-c", "until test -s hello.txt; do sleep 0.05; done"], { timeoutMs: 30_000 });
      expect(await session.diff()).toContain("+hi");
      expect(await session.diff({ format: "names" })).toContain("hello.txt");
      expect(await session.stop({ graceMs: 2000 })).toMatchObject({ lifecycle: "stopped" });
      expect(await session.stop()).toMatchObject({ lifecycle: "stopped" });
      expect((await problem(session.exec(["true"]))).code).toBe("sandbox.not-running");
      expect(await session.start()).toMatchObject({ lifecycle: "running" });
      expect(await session.start()).toMatchObject({ lifecycle: "running" });
      const refused = await problem(session.delete());
      expect(refused.code).toBe("session.work-at-risk");
      expect(refused.context).toMatchObject({ untracked: 1 });
      expect(await session.detail()).toMatchObject({ lifecycle: "running" });
      expect(await session.delete({ discard: true })).toMatchObject({ name: "whole", kept: [] });
      expect((await problem(clauderon.sessions.get("whole"))).code).toBe("session.not-found");
      expect(git("branch", "--list", "clauderon/whole")).toBe("");
      expect(git("worktree", "list", "--porcelain")).not.toContain("whole");
    });

    it("brings a deleted session back with its work, and gives it up for good", async () => {
      const session = await create({ name: "back" });
      await session.exec(["sh", "-c", "echo work >work.txt; echo more >>.git/../other.txt; git add other.txt"]);
      const { workspace, conversationId } = await session.detail();
      const status = git("-C", workspace, "status", "--porcelain=v2", "--branch");
      const { id, undoUntil } = await session.delete({ discard: true });
      expect(Date.parse(undoUntil ?? "")).toBeGreaterThan(Date.now());
      expect((await clauderon.undo.list()).find((record) => record.id === id)).toMatchObject({
        schemaVersion: 1,
        name: "back",
        branch: "clauderon/back",
        repository,
      });
      const again = await clauderon.undo.restore({ reference: "back" });
      expect(await again.detail()).toMatchObject({ name: "back", lifecycle: "stopped", workspace, conversationId });
      expect(git("-C", workspace, "status", "--porcelain=v2", "--branch")).toBe(status);
      expect(await again.start()).toMatchObject({ lifecycle: "running" });
      expect((await problem(clauderon.undo.restore({ reference: "back" }))).code).toBe("undo.not-found");
      await again.delete({ discard: true });
      await clauderon.undo.drop(again.id);
      expect((await problem(clauderon.undo.drop(again.id))).code).toBe("undo.not-found");
      expect((await clauderon.undo.list()).map((record) => record.name)).not.toContain("back");
      expect(git("for-each-ref", "refs/clauderon")).not.toContain(again.id);
    });

    it("goes back to a checkpoint, takes that back, and begins another session there", async () => {
      const session = await create({ name: "kept", prompt: "say visible to the user" });
      await expect.poll(() => session.text(), { timeout: 20_000 }).toContain("visible to the user");
      const write = (text: string): Promise<unknown> => session.exec(["sh", "-c", 'echo "$1" >work.txt', "sh", text]);
      await write("then");
      const { checkpoints } = clauderon;
      const { id } = await checkpoints.create("kept", { note: "then" });
      await write("later");
      expect(await checkpoints.diff({ from: id })).toContain("-then\n+later\n");
      expect(await checkpoints.screen(id)).toContain("visible to the user");
      expect((await problem(checkpoints.screen("none"))).code).toBe("checkpoint.not-found");
      const { undoId } = await checkpoints.restore("kept", id);
      const work = async (reference: string): Promise<string> => (await clauderon.sessions.get(reference)).diff();
      expect([(await session.detail()).lifecycle, await work("kept")]).toEqual([
        "stopped",
        expect.stringMatching(/\+then/),
      ]);
      await (await create({ name: "fork", checkpoint: id })).delete({ discard: true });
      expect((await clauderon.undo.takeBack(undoId)).kind).toBe("restore");
      expect(await work("kept")).toMatch(/\+later/);
      const listed = await checkpoints.list("kept");
      expect(listed.map(({ trigger, note }) => note ?? trigger)).toEqual(["restore", "restore", "then"]);
      await checkpoints.remove(listed.map((checkpoint) => checkpoint.id));
      expect((await problem(checkpoints.restore("kept", id))).code).toBe("checkpoint.not-found");
    });

    it("puts a session away and brings it back as it was", async () => {
      const session = await create({ name: "away" });
      await session.exec(["sh", "-c", "echo work >work.txt; echo more >other.txt; git add other.txt"]);
      const { workspace, conversationId } = await session.detail();
      const status = git("-C", workspace, "status", "--porcelain=v2", "--branch");
      expect(await session.archive()).toMatchObject({ state: "archived", lifecycle: "archived" });
      expect(await session.archive()).toMatchObject({ lifecycle: "archived" });
      expect(git("worktree", "list", "--porcelain")).not.toContain("away");
      expect((await clauderon.undo.list()).map((record) => record.name)).not.toContain("away");
      expect((await problem(clauderon.undo.restore({ reference: session.id }))).code).toBe("undo.not-found");
      for (const call of [() => session.start(), () => session.exec(["true"]), () => session.diff()])
        expect((await problem(call())).fix[0]).toContain("clauderon unarchive away");
      expect(await session.stop()).toMatchObject({ lifecycle: "archived" });
      expect((await problem(create({ name: "away" }))).code).toBe("session.name-taken");
      execFileSync("mkdir", [workspace]);
      const blocked = await problem(session.unarchive());
      expect([blocked.code, blocked.fix[0]]).toEqual(["workspace.exists", expect.stringContaining("unarchive away")]);
      expect(await session.detail()).toMatchObject({ lifecycle: "archived" });
      rmSync(workspace, { recursive: true });
      expect(await session.unarchive()).toMatchObject({ lifecycle: "stopped", workspace, conversationId });
      expect(await session.unarchive()).toMatchObject({ lifecycle: "stopped" });
      expect(git("-C", workspace, "status", "--porcelain=v2", "--branch")).toBe(status);
      expect(await session.start()).toMatchObject({ lifecycle: "running" });
      await session.archive();
      expect(Date.parse((await session.delete()).undoUntil ?? "")).toBeGreaterThan(Date.now());
      expect(await (await clauderon.undo.restore({ reference: "away" })).detail()).toMatchObject({ workspace });
      expect(git("-C", workspace, "status", "--porcelain=v2", "--branch")).toBe(status);
    });

    it("keeps a session whose agent is missing as failed, with nothing left outside, and start retries", async () => {
      const error = await problem(create({ name: "lacking", agent: "missing" }));
      expect(error.code).toBe("agent.not-found");
      const session = await clauderon.sessions.get("lacking");
      expect(await session.detail()).toMatchObject({ lifecycle: "failed", error: { code: "agent.not-found" } });
      expect(git("worktree", "list", "--porcelain")).not.toContain("lacking");
      expect(git("branch", "--list", "clauderon/lacking")).toBe("");
      expect((await problem(session.start())).code).toBe("agent.not-found");
      expect((await problem(create({ name: "lacking" }))).code).toBe("session.name-taken");
      await session.delete();
    });

    it("says how an agent that exits at once ended", async () => {
      const session = await create({ name: "hasty", agent: "hasty" });
      await waitFor(session, "failed");
      expect(await session.detail()).toMatchObject({
        exitCode: 3,
        error: { code: "agent.ended", fix: expect.arrayContaining([expect.stringContaining("clauderon start hasty")]) },
      });
      await session.delete({ discard: true });
    });

    it("leaves not even the row of a creation that is aborted", async () => {
      const controller = new AbortController();
      const events = collect(controller.signal);
      const creating = create({ name: "aborted", agent: "fake" });
      creating.catch(() => undefined);
      const aborted = clauderon.sessions.create(
        { repository, backend: "local", agent: "fake", name: "cancelled" },
        { signal: AbortSignal.timeout(1) },
      );
      await expect(aborted).rejects.toBeDefined();
      const kept = await creating;
      expect((await problem(clauderon.sessions.get("cancelled"))).code).toBe("session.not-found");
      expect(git("branch", "--list", "clauderon/cancelled")).toBe("");
      await kept.delete({ discard: true });
      controller.abort();
      await events;
    });

    it("answers a repeated creation with the session of the first", async () => {
      const key = "the-same-key";
      const [first, second] = await Promise.all([
        create({ name: "once", idempotencyKey: key }),
        create({ name: "once", idempotencyKey: key }),
      ]);
      const third = await create({ name: "once", idempotencyKey: key });
      expect(new Set([first.id, second.id, third.id]).size).toBe(1);
      await first.delete({ discard: true });
    });

    it("tells events in order, from a cursor, none twice", async () => {
      const controller = new AbortController();
      const events = collect(controller.signal);
      const session = await create({ name: "told" });
      await session.delete({ discard: true });
      const seen = (
        await events.until((event) => event.sessionName === "told" && event.body.type === "session.deleted")
      ).filter((event) => event.sessionName === "told");
      controller.abort();
      expect(seen.map((event) => event.body.type)).toEqual([
        "session.created",
        "session.step-completed",
        "session.step-completed",
        "session.step-completed",
        "session.step-completed",
        "session.started",
        "session.operation-requested",
        "session.step-completed",
        "session.step-completed",
        "session.step-completed",
        "session.step-completed",
        "session.deleted",
      ]);
      const again = await Array.fromAsync(clauderon.events({ since: seen[3]?.cursor ?? 0, follow: false }));
      expect(again.filter((event) => event.sessionName === "told").map((event) => event.cursor)).toEqual(
        seen.slice(4).map((event) => event.cursor),
      );
    });

    it("passes exit codes, input and separate streams", async () => {
      await using session = await clauderon.sessions.create(
        { repository, backend: "local", agent: "fake", name: "streams" },
        { ephemeral: true },
      );
      for (const code of [0, 1, 3, 137])
        expect((await session.exec(["sh", "-c", 'exit "$1"', "sh", String(code)])).exitCode).toBe(code);
      expect((await session.exec(["no-such-program-here"])).exitCode).toBe(127);
      expect(await session.exec(["sh", "-c", "cat; echo err >&2"], { input: "in" })).toMatchObject({
        stdout: "in",
        stderr: "err\n",
        exitCode: 0,
      });
      expect((await session.exec(["printenv", "CLAUDERON_SESSION"])).stdout).toBe("streams\n");
      expect((await session.exec(["printenv", "CLAUDERON_SESSION_ID"])).stdout).toBe(`${session.id}\n`);
      const terminal = await session.terminal();
      await terminal.input(new TextEncoder().encode("say from the keyboard\r"));
      let text = "";
      for await (const chunk of terminal.output) {
        text += new TextDecoder().decode(chunk.bytes);
        if (
          text.includes("from the keyboard") &&
          text.lastIndexOf("from the keyboard") > text.indexOf("from the keyboard")
        )
          break;
      }
      await terminal.close();
      expect(await session.text()).toContain("from the keyboard");
    });

    it("deletes an ephemeral session with its handle", async () => {
      {
        await using session = await clauderon.sessions.create(
          { repository, backend: "local", agent: "fake", name: "brief" },
          { ephemeral: true },
        );
        await session.exec(["sh", "-c", "echo work > lost.txt"]);
      }
      expect((await problem(clauderon.sessions.get("brief"))).code).toBe("session.not-found");
    });

    it("keeps a branch that holds commits of its own", async () => {
      const session = await create({ name: "committed" });
      await session.exec([
        "sh",
        "-c",
        "echo x > x && git add x && git -c user.name=t -c user.email=t@example.org commit -qm work",
      ]);
      expect((await problem(session.delete())).code).toBe("session.work-at-risk");
      const { kept } = await session.delete({ discard: true });
      expect(kept.join()).toContain("clauderon/committed");
      expect(git("branch", "--list", "clauderon/committed")).toContain("clauderon/committed");
    });

    it("keeps commits of a detached HEAD on a branch of their own", async () => {
      const session = await create({ name: "adrift" });
      const script =
        "git checkout -q --detach && git -c user.name=t -c user.email=t@example.org commit -q --allow-empty -m work";
      await session.exec(["sh", "-c", script]);
      expect((await problem(session.delete())).context).toMatchObject({ unreachedCommits: 1 });
      const { kept } = await session.delete({ discard: true });
      expect(kept).toEqual([expect.stringMatching(/^branch clauderon\/adrift-detached was made: .*1 commit/)]);
      expect(git("log", "--format=%s", "-1", "clauderon/adrift-detached")).toBe("work\n");
    });

    it.each<[string, Partial<CreateSessionRequest>, string]>([
      ["an unknown backend", { backend: "lokal" }, "backend.unknown"],
      ["an unknown agent", { agent: "fakee" }, "agent.unknown"],
      ["no isolating backend", { backend: "auto" }, "backend.unavailable"],
      ["an image on a host backend", { image: "rust:1.85" }, "capability.unsupported"],
      ["a CPU limit on a host backend", { limits: { cpus: 2 } }, "capability.unsupported"],
      ["a base that does not exist", { base: "no-such-commit" }, "workspace.base-not-found"],
      ["a folder without repository", { repository: "/" }, "repository.not-found"],
      ["a folder that is not there", { repository: "/no/such/folder" }, "repository.not-found"],
      ["a name with a slash", { name: "a/b" }, "usage.invalid"],
      ["a name of dots", { name: ".." }, "usage.invalid"],
      ["a name of 256 characters", { name: "a".repeat(256) }, "usage.invalid"],
      ["an emoji for a name", { name: "🙂" }, "usage.invalid"],
      ["a name with a leading dash", { name: "-x" }, "usage.invalid"],
      ["a prompt with NUL", { prompt: "a\0b" }, "usage.invalid"],
      ["a prompt above 1 MiB", { prompt: "x".repeat(1024 * 1024 + 1) }, "usage.invalid"],
      ["a headless session without a prompt", { isHeadless: true }, "usage.needs-input"],
    ])("refuses %s, leaving nothing", async (_what, request, code) => {
      const before = await clauderon.sessions.list();
      expect((await problem(create(request))).code).toBe(code);
      expect(await clauderon.sessions.list()).toEqual(before);
    });

    it("names the free name when one is taken", async () => {
      const session = await create({ name: "taken" });
      const error = await problem(create({ name: "taken" }));
      expect(error.code).toBe("session.name-taken");
      expect(error.fix.join()).toContain("taken-2");
      await session.delete({ discard: true });
    });

    it("reconciles to nothing when all is well, and tells both choices of backends", async () => {
      expect((await clauderon.reconcile({ isDryRun: true })).findings).toEqual([]);
      const overview = await clauderon.backends();
      expect(overview.backends.map((backend) => backend.backendId)).toContain("local");
      expect(overview.default.reason).not.toBe("");
      expect(overview.auto.reason).not.toBe("");
    });

    async function waitFor(session: Session, lifecycle: string): Promise<void> {
      const controller = new AbortController();
      const events = clauderon.events({ signal: controller.signal });
      const iterator = events[Symbol.asyncIterator]();
      const next = iterator.next();
      let isThere = (await session.detail()).lifecycle === lifecycle;
      let pending = next;
      while (!isThere) {
        await pending;
        isThere = (await session.detail()).lifecycle === lifecycle;
        pending = iterator.next();
      }
      controller.abort();
      await pending;
    }

    /** Follows events until told to stop. */
    function collect(
      signal: AbortSignal,
    ): Promise<void> & { until(isLast: (event: SessionEvent) => boolean): Promise<readonly SessionEvent[]> } {
      const seen: SessionEvent[] = [];
      let notify: () => void = () => undefined;
      const reading = (async () => {
        for await (const event of clauderon.events({ signal })) {
          seen.push(event);
          notify();
        }
      })();
      const until = async (isLast: (event: SessionEvent) => boolean): Promise<readonly SessionEvent[]> => {
        while (!seen.some(isLast)) {
          await new Promise<void>((resolve) => {
            notify = resolve;
          });
        }
        return seen;
      };
      return Object.assign(reading, { until });
    }
  });
}
