import { SessionError, type ProcessHandle, type Session, type WorkspaceStatus } from "@clauderon/core/contract";
import { describe, expect, test } from "vitest";

import type { Access } from "../src/command/access.ts";
import { cleanWorkspace, FakeClauderon, sessionDetail } from "./fake-clauderon.ts";
import { runInProcess } from "./run-in-process.ts";

const access = (fake: FakeClauderon): Partial<Access> => ({ connect: async () => fake });

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

describe("create", () => {
  test("says what it does on stderr, prints the name on stdout", async () => {
    const fake = new FakeClauderon();
    const { code, stdout, stderr } = await runInProcess(["create", "fix", "-p", "Fix it"], {
      access: access(fake),
      currentDirectory: "/repository",
      environment: { PATH: "/bin", CLAUDERON_SESSION: "outer", CLAUDERON_SANDBOX_ID: "1/2", CLAUDERON_HOME: "/h" },
    });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "fix\n" });
    expect(stderr.split("\n")).toEqual(["Creating fix…", "note: backend local: zellij is not installed", ""]);
    expect(fake.created).toHaveLength(1);
    expect(fake.created[0]).toMatchObject({
      name: "fix",
      prompt: "Fix it",
      repository: "/repository",
      callerEnvironment: { PATH: "/bin", CLAUDERON_HOME: "/h" },
    });
    expect(Object.keys(fake.created[0]?.callerEnvironment ?? {})).not.toContain("CLAUDERON_SESSION");
  });

  test.each(["--text", "--help", "-V", "-q", "--json", "--no-such-option"])("the prompt may be %s", async (prompt) => {
    const fake = new FakeClauderon();
    const { code, stdout } = await runInProcess(["create", "fix", "--prompt", prompt], { access: access(fake) });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "fix\n" });
    expect(fake.created[0]?.prompt).toBe(prompt);
  });

  test("maps every option", async () => {
    const fake = new FakeClauderon();
    await runInProcess(
      "create n -r sub/dir -a codex -m m1 --plan-mode --permission-mode auto -b local --branch b --base main --with-changes -e A=1 -e B=x=y --image i --pull-policy missing --cpu-limit 1.5 --memory-limit 2g -q".split(
        " ",
      ),
      { access: access(fake), currentDirectory: "/here" },
    );
    expect(fake.created[0]).toMatchObject({
      repository: "/here/sub/dir",
      agent: "codex",
      model: "m1",
      isPlanMode: true,
      permissionMode: "auto",
      backend: "local",
      branch: "b",
      base: "main",
      withChanges: true,
      environment: { A: "1", B: "x=y" },
      image: "i",
      pullPolicy: "if-not-present",
      limits: { cpus: 1.5, memoryBytes: 2 * 1024 ** 3 },
    });
  });

  test("CLAUDERON_BACKEND is weaker than --backend; a URL stays a URL", async () => {
    const fake = new FakeClauderon();
    const environment = { CLAUDERON_BACKEND: "zellij" };
    await runInProcess(["create", "a", "-r", "git@host:x/y.git"], { access: access(fake), environment });
    await runInProcess(["create", "b", "-b", "local"], { access: access(fake), environment });
    expect(fake.created.map(({ backend }) => backend)).toEqual(["zellij", "local"]);
    expect(fake.created[0]?.repository).toBe("git@host:x/y.git");
  });

  test("the prompt of standard input arrives byte for byte", async () => {
    const fake = new FakeClauderon();
    const prompt = `"quotes" 'and'\nlines $(x) \u00e9 ${"long ".repeat(200_000)}`;
    await runInProcess(["create", "a", "--prompt-file", "-"], { access: access(fake), input: prompt });
    expect(fake.created[0]?.prompt).toBe(prompt);
  });

  test.each([
    [["create", "--print"], 2, "--print needs a prompt"],
    [["create", "--attach"], 2, "--attach needs a terminal"],
    [["create", "--attach", "--detach"], 2, "exclude each other"],
    [["create", "--ephemeral"], 2, "--ephemeral needs --print or --attach"],
    [["create", "-p", "a", "--prompt-file", "b"], 2, "exclude each other"],
    [["create", "-p", "  "], 2, "the prompt is empty"],
    [["create", "--prompt-file", "/does/not/exist"], 1, "cannot be read"],
    [["create", "--cpu-limit", "many"], 2, "--cpu-limit cannot be"],
    [["create", "--memory-limit", "0"], 2, "--memory-limit cannot be"],
    [["create", "--pull-policy", "sometimes"], 2, "--pull-policy cannot be"],
    [["create", "--env", "1A=2"], 2, "is not a name of an environment variable"],
    [["create", "--env", "MISSING"], 2, "is not set here"],
    [["create", "--env-file", "/does/not/exist"], 1, "--env-file cannot be read"],
    [["create", "--backend", "a", "--backend", "b"], 2, "given more than once"],
    [["create", "--backnd", "docker"], 2, "did you mean --backend?"],
    [["create", "--no-cache"], 2, "no option --no-cache"],
    [["create", "a", "b"], 2, 'does not take "b"'],
    [["create", "-leading"], 2, "no option"],
    [["create", "a/b"], 2, "it contains /"],
    [["create", ".."], 2, "it contains .."],
    [["create", ""], 2, "it is empty"],
    [["create", "a".repeat(64)], 2, "63 are the most"],
    [["create", "-p", "a".repeat(1024 * 1024 + 1)], 2, "at most 1048576"],
    [["create", "--prompt", "--", "x"], 2, "--prompt needs a value"],
  ])("refuses %j before anything is asked of the daemon", async (argv, code, message) => {
    const result = await runInProcess(argv);
    expect(result.stderr).toContain(message);
    expect(result).toMatchObject({ code, stdout: "" });
    expect(result.stderr).toMatch(/^ {2}fix: \S/m);
  });

  test("a prompt with NUL is refused", async () => {
    const { code, stderr } = await runInProcess(["create", "--prompt-file", "-"], { input: "a\0b" });
    expect(code).toBe(2);
    expect(stderr).toContain("NUL");
  });

  test("Ctrl-C aborts the request and exits 130", async () => {
    const fake = new FakeClauderon();
    let send: (signal: NodeJS.Signals) => void = () => undefined;
    fake.onCreate = async (_request, signal) => {
      const aborted = new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => {
          reject(signal.reason as Error);
        });
      });
      send("SIGINT");
      await aborted;
    };
    const result = await runInProcess(["create", "a"], {
      access: access(fake),
      onSignals: (sender) => {
        send = sender;
      },
    });
    expect(result.code).toBe(130);
    expect(result.stderr).toContain("Interrupted");
    expect(fake.details.size).toBe(0);
  });
});

describe("delete", () => {
  const dirty = { ...cleanWorkspace, staged: 1, unstaged: 2, untracked: 3, files: ["a.ts", "b.ts"] };
  const withWork = (status: WorkspaceStatus = dirty): FakeClauderon =>
    new FakeClauderon(sessionDetail("fix", { workspaceStatus: status }));

  test("a clean session goes without a question when nobody can answer", async () => {
    const fake = new FakeClauderon(sessionDetail("fix"));
    const { code, stderr } = await runInProcess(["delete", "fix"], { access: access(fake) });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "Deleted fix\n" });
    expect(fake.deleted).toMatchObject([{ name: "fix", request: { discard: false } }]);
  });

  test.each([[["delete", "fix"]], [["delete", "fix", "--yes"]]])("%j on work: exit 7, counts, intact", async (argv) => {
    const fake = withWork();
    const { code, stdout, stderr } = await runInProcess(argv, { access: access(fake) });
    expect({ code, stdout, deleted: fake.deleted }).toEqual({ code: 7, stdout: "", deleted: [] });
    expect(stderr).toContain("3 uncommitted changes (1 staged, 2 unstaged), 3 untracked files");
    expect(stderr).toContain("--discard");
    expect(stderr).toContain("code: session.work-at-risk");
  });

  test("commits that nothing else has count as work, unless the branch is kept", async () => {
    const fake = withWork({ ...cleanWorkspace, unreachedCommits: 2 });
    const refused = await runInProcess(["delete", "fix"], { access: access(fake) });
    expect(refused.code).toBe(7);
    expect(refused.stderr).toContain("2 commits that no other branch or remote has");
    expect((await runInProcess(["delete", "fix", "--keep-branch"], { access: access(fake) })).code).toBe(0);
  });

  test("--discard and --keep-worktree answer", async () => {
    for (const [flags, request] of [
      [["--discard"], { discard: true, keepWorktree: false }],
      [["--keep-worktree"], { discard: false, keepWorktree: true, keepBranch: true }],
    ] as const) {
      const fake = withWork();
      expect((await runInProcess(["rm", "fix", ...flags], { access: access(fake) })).code).toBe(0);
      expect(fake.deleted[0]?.request).toMatchObject(request);
    }
  });

  test("on a terminal it shows the counts and asks; no is exit 9", async () => {
    const questions: string[] = [];
    const ask = (answer: boolean, fake: FakeClauderon): ReturnType<typeof runInProcess> =>
      runInProcess(["delete", "fix"], {
        access: access(fake),
        isTerminal: true,
        answers: {
          confirm: async (question) => {
            questions.push(question);
            return answer;
          },
        },
      });
    const kept = withWork();
    const no = await ask(false, kept);
    expect({ code: no.code, deleted: kept.deleted }).toEqual({ code: 9, deleted: [] });
    expect(no.stderr).toContain("3 untracked files");
    const gone = withWork();
    expect((await ask(true, gone)).code).toBe(0);
    expect(gone.deleted[0]?.request).toMatchObject({ discard: true });
    expect(questions).toEqual(Array(2).fill("Discard this and delete fix?"));
  });

  test("--all needs --yes, and excludes names", async () => {
    const fake = new FakeClauderon(sessionDetail("a"), sessionDetail("b"));
    expect((await runInProcess(["delete", "--all"], { access: access(fake) })).code).toBe(2);
    expect((await runInProcess(["delete", "a", "--all", "--yes"], { access: access(fake) })).code).toBe(2);
    expect((await runInProcess(["delete", "--all", "--yes"], { access: access(fake) })).code).toBe(0);
    expect(fake.deleted.map(({ name }) => name)).toEqual(["a", "b"]);
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

function processHandle(ending: {
  readonly exitCode: number;
  readonly isTimedOut?: boolean;
}): ProcessHandle & { input: Promise<string> } {
  const input = new TransformStream<Uint8Array, Uint8Array>();
  const stream = (text: string): ReadableStream<Uint8Array> => new Blob([text]).stream();
  return {
    stdin: input.writable,
    stdout: stream("out"),
    stderr: stream("err"),
    exit: Promise.resolve({ isTimedOut: false, ...ending }),
    kill: async () => undefined,
    resize: async () => undefined,
    input: new Response(input.readable).text(),
  };
}

describe("exec", () => {
  const withProcess = (handle: ProcessHandle, seen: unknown[] = []): Partial<Access> => {
    const fake = new FakeClauderon(sessionDetail("s"));
    fake.patchSession = (session): Session => ({
      ...session,
      spawn: async (argv, options) => {
        seen.push({ argv, environment: options?.environment, cwd: options?.cwd, stdin: options?.stdin });
        return handle;
      },
    });
    return access(fake);
  };

  test.each([0, 3, 126, 137])("passes %i and both streams through", async (exitCode) => {
    const result = await runInProcess(["exec", "s", "--", "x"], { access: withProcess(processHandle({ exitCode })) });
    expect(result).toMatchObject({ code: exitCode, stdout: "out", stderr: "err" });
  });

  test("what follows -- is not looked at; input, variables and place are passed on", async () => {
    const seen: unknown[] = [];
    const handle = processHandle({ exitCode: 0 });
    const argv = ["exec", "s", "-e", "A=1", "-w", "sub", "--", "ls", "--help", "--", "-q", ""];
    const result = await runInProcess(argv, { access: withProcess(handle, seen), input: "typed" });
    expect(result.code).toBe(0);
    expect(seen).toEqual([
      { argv: ["ls", "--help", "--", "-q", ""], environment: { A: "1" }, cwd: "sub", stdin: "pipe" },
    ]);
    expect(await handle.input).toBe("typed");
  });

  test("a terminal's input is only taken with -i", async () => {
    const seen: { stdin?: string }[] = [];
    await runInProcess(["exec", "s", "--", "x"], {
      access: withProcess(processHandle({ exitCode: 0 }), seen),
      isTerminal: true,
    });
    expect(seen[0]?.stdin).toBe("ignore");
  });

  test("a time limit is 8, our own failures 125, a missing command 2", async () => {
    const slow = withProcess(processHandle({ exitCode: 137, isTimedOut: true }));
    expect((await runInProcess(["exec", "s", "--timeout", "1s", "--", "x"], { access: slow })).code).toBe(8);
    expect((await runInProcess(["exec", "none", "--", "x"], { access: slow })).code).toBe(125);
    expect((await runInProcess(["exec", "s"], { access: slow })).code).toBe(2);
    expect((await runInProcess(["exec", "s", "ls"], { access: slow })).stderr).toContain(
      "put the command to run behind --",
    );
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
