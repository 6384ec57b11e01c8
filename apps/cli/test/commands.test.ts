import { SessionError, type Session } from "@clauderon/core/contract";
import { describe, expect, test } from "vitest";

import type { Access } from "../src/command/access.ts";
import { access, FakeClauderon, sessionDetail } from "./fake-clauderon.ts";
import { runInProcess } from "./run-in-process.ts";

describe("list", () => {
  const fake = new FakeClauderon(
    sessionDetail("old", { createdAt: "2026-01-01T00:00:00.000Z", state: "stopped", lifecycle: "stopped" }),
    sessionDetail("new", { createdAt: "2026-02-01T00:00:00.000Z" }),
  );

  test("is a plain table when piped, newest first", async () => {
    const { code, stdout, stderr } = await runInProcess(["list"], { access: access(fake) });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const [header, ...rows] = stdout.trimEnd().split("\n");
    expect(header?.split(/\s+/)).toEqual(["NAME", "STATUS", "BACKEND", "AGENT", "BRANCH", "AGE"]);
    expect(rows.map((row) => row.split(/\s+/).slice(0, 5).join(" "))).toEqual([
      "new running local claude clauderon/new",
      "old stopped local claude clauderon/old",
    ]);
    expect(fake.isClosed).toBe(true);
  });

  test("--json prints the stable fields, --json=… the chosen ones, an empty list []", async () => {
    const all = await runInProcess(["list", "--json"], { access: access(fake) });
    expect(JSON.parse(all.stdout)[0]).toMatchObject({
      schemaVersion: 1,
      name: "new",
      state: "running",
      attention: "unknown",
    });
    const some = await runInProcess(["--json=name,state", "list"], { access: access(fake) });
    expect(JSON.parse(some.stdout)).toEqual([
      { name: "new", state: "running" },
      { name: "old", state: "stopped" },
    ]);
    const none = await runInProcess(["list", "--json"], { access: access(new FakeClauderon()) });
    expect(none).toMatchObject({ code: 0, stdout: "[]\n", stderr: "" });
  });

  test("-q prints names, filters and order apply", async () => {
    const names = async (...flags: string[]): Promise<string> =>
      (await runInProcess(["ls", "-q", ...flags], { access: access(fake) })).stdout;
    expect(await names()).toBe("new\nold\n");
    expect(await names("--sort", "status")).toBe("new\nold\n");
    expect(await names("--status", "stopped")).toBe("old\n");
    expect(await names("--backend", "zellij")).toBe("");
  });

  test("colours only on a terminal that wants them", async () => {
    const run = (
      environment: Record<string, string>,
      ...flags: string[]
    ): Promise<{ stdout: string; stderr: string }> =>
      runInProcess(["list", ...flags], { access: access(fake), isTerminal: true, environment });
    expect((await run({})).stdout).toContain("\u001b[");
    for (const plain of [run({ NO_COLOR: "x" }), run({ TERM: "dumb" }), run({}, "--no-color")]) {
      const { stdout, stderr } = await plain;
      expect(stdout + stderr).not.toContain("\u001b");
    }
    expect((await run({ NO_COLOR: "" })).stdout).toContain("\u001b[");
  });

  test("foreign text cannot steer the terminal", async () => {
    const evil = new FakeClauderon(sessionDetail("a", { branch: "x\u001b]0;owned\u0007" }));
    const { stdout } = await runInProcess(["list"], { access: access(evil), isTerminal: true });
    expect(stdout).not.toContain("\u001b]");
    expect(stdout).toContain("\\x1b]0;owned");
  });
});

describe("status", () => {
  test("counts states without a name, shows one with it", async () => {
    const fake = new FakeClauderon(sessionDetail("a"), sessionDetail("b", { state: "failed", lifecycle: "failed" }));
    const counts = await runInProcess(["status", "--json"], { access: access(fake) });
    expect(JSON.parse(counts.stdout)).toEqual({ schemaVersion: 1, total: 2, states: { running: 1, failed: 1 } });
    const one = await runInProcess(["status", "a", "--json"], { access: access(fake) });
    expect(JSON.parse(one.stdout)).toMatchObject({ name: "a", conversationId: "conversation" });
  });

  test("inside a session it means that one", async () => {
    const fake = new FakeClauderon(sessionDetail("a"), sessionDetail("b"));
    const { stdout } = await runInProcess(["status", "-q"], {
      access: access(fake),
      environment: { CLAUDERON_SESSION: "a" },
    });
    expect(stdout).toBe("running\n");
  });
});

describe("without a name", () => {
  test("no terminal: exit 2 with what to do", async () => {
    const { code, stderr } = await runInProcess(["logs"], { access: access(new FakeClauderon(sessionDetail("a"))) });
    expect(code).toBe(2);
    expect(stderr).toContain("code: usage.needs-input");
  });

  test("a terminal: asks; --no-input and agents are never asked", async () => {
    const answers = { select: async () => "a" };
    const settings = { access: access(new FakeClauderon(sessionDetail("a"))), isTerminal: true, answers };
    expect((await runInProcess(["diff"], settings)).code).toBe(0);
    expect((await runInProcess(["diff", "--no-input"], settings)).code).toBe(2);
    expect((await runInProcess(["diff"], { ...settings, environment: { CLAUDECODE: "1" } })).code).toBe(2);
  });
});

describe("wait", () => {
  test("is over at once when the goal is reached", async () => {
    const fake = new FakeClauderon(sessionDetail("a", { state: "stopped", lifecycle: "stopped" }));
    const { code, stdout } = await runInProcess(["wait", "a"], { access: access(fake) });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "a stopped\n" });
  });

  test("times out with 8, refuses a goal that does not exist, and does not wait for a failed one", async () => {
    const fake = new FakeClauderon(sessionDetail("a"), sessionDetail("b", { state: "failed", lifecycle: "failed" }));
    const run = (...argv: string[]): ReturnType<typeof runInProcess> =>
      runInProcess(["wait", ...argv], { access: access(fake) });
    expect((await run("a", "--timeout", "50ms")).code).toBe(8);
    expect((await run("a", "--for", "status=runnin")).stderr).toContain("did you mean running?");
    expect((await run("b", "--for", "status=running")).code).toBe(7);
    expect((await run("b")).code).toBe(0);
  });
});

describe("several names", () => {
  test("one that fails does not stop the others; its code is the result", async () => {
    const fake = new FakeClauderon(sessionDetail("a"), sessionDetail("b"));
    fake.patchSession = (session): Session =>
      session.name === "a"
        ? { ...session, stop: () => Promise.reject(new SessionError({ message: "no", fix: ["wait"] })) }
        : session;
    const { code, stderr } = await runInProcess(["stop", "a", "b"], { access: access(fake) });
    expect(code).toBe(7);
    expect(stderr).toContain("Stopped b");
    expect(stderr).toContain("error: no");
  });
});

describe("errors", () => {
  test("--json: one object on stderr, stdout empty, wherever the flag stands", async () => {
    for (const argv of [
      ["--json", "status", "none"],
      ["status", "none", "--json"],
      ["status", "--json=name", "none"],
    ]) {
      const { code, stdout, stderr } = await runInProcess(argv, { access: access(new FakeClauderon()) });
      expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
      expect(JSON.parse(stderr)).toEqual({
        error: {
          code: "session.not-found",
          message: 'There is no session "none"',
          fix: ["see them: clauderon list"],
          retryable: false,
        },
      });
    }
  });

  test("no stack trace without --debug", async () => {
    const broken: Partial<Access> = { connect: () => Promise.reject(new TypeError("boom")) };
    const plain = await runInProcess(["list"], { access: broken });
    expect(plain.code).toBe(1);
    expect(plain.stderr).toContain("why: boom");
    expect(plain.stderr).not.toContain(" at ");
    expect((await runInProcess(["list", "--debug"], { access: broken })).stderr).toContain("TypeError: boom");
  });

  test.each([
    [["creat"], "did you mean create?"],
    [["lst"], "did you mean list?"],
    [["config", "gt"], "did you mean get?"],
    [["config"], "choose one of: get, set, list, path"],
    [["list", "--statsu", "x"], "did you mean --status?"],
    [["list", "--json=nam"], "did you mean name?"],
    [["doctor", "x"], 'does not take "x"'],
    [["list", "--", "x"], "takes nothing behind --"],
    [["--backend", "x", "list"], "put the options of a command behind its name"],
    [["url", "--token", "--qr"], "exclude each other"],
    [["attach", "x"], "attach needs a terminal"],
    [["attach", "x", "--detach-keys", "many"], '"many"'],
    [["logs", "x", "-n", "-1"], "--lines cannot be"],
    [["logs", "x", "-n"], "-n needs a value"],
    [["stop", "x", "--timeout", "soon"], "--timeout cannot be"],
    [["daemon", "--port", "1"], "has no option --port"],
  ])("%j is 2", async (argv, message) => {
    const { code, stdout, stderr } = await runInProcess(argv);
    expect(stderr).toContain(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });
});

test("global flags mean the same before and after the command", async () => {
  const fake = new FakeClauderon(sessionDetail("a"));
  for (const flags of [["-q"], ["--json"], ["--json=name"], ["--no-color"], ["-qy"], ["--debug", "--no-input"]]) {
    const before = await runInProcess([...flags, "list"], { access: access(fake) });
    const after = await runInProcess(["list", ...flags], { access: access(fake) });
    expect(before).toEqual(after);
    expect(before.code).toBe(0);
  }
});
