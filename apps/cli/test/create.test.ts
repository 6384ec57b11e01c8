import { describe, expect, test } from "vitest";

import { access, FakeClauderon } from "./fake-clauderon.ts";
import { runInProcess } from "./run-in-process.ts";

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
      "create n -r sub/dir -a codex -m m1 --plan-mode --permission-mode auto -b local --branch b --base main --with-changes -e A=1 -e B=x=y --image i --pull-policy missing --cpu-limit 1.5 --memory-limit 2g --pids-limit 100 --access-mode read-only --network listed --allow a.example --allow *.b.example:8443 --deny c.example --advisory --budget 200ktokens -q".split(
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
      limits: { cpus: 1.5, memoryBytes: 2 * 1024 ** 3, processes: 100 },
      accessMode: "read-only",
      network: "listed",
      allow: ["a.example", "*.b.example:8443"],
      deny: ["c.example"],
      isAdvisory: true,
      budget: "200ktokens",
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
    [["create", "--cpu-limit", "0"], 2, "--cpu-limit cannot be"],
    [["create", "--cpu-limit", "-1"], 2, "--cpu-limit"],
    [["create", "--cpu-limit", "0.001"], 2, "from 0.01"],
    [["create", "--memory-limit", "0"], 2, "--memory-limit cannot be"],
    [["create", "--memory-limit", "1"], 2, "at least 6m"],
    [["create", "--memory-limit", "8Gi"], 2, "fix: write a size: --memory-limit 8g"],
    [["create", "--memory-limit", "8 g"], 2, "fix: write a size: --memory-limit 8g"],
    [["create", "--pids-limit", "0"], 2, "from 32"],
    [["create", "--pids-limit", "1.5"], 2, "--pids-limit cannot be"],
    [["create", "--pull-policy", "sometimes"], 2, "--pull-policy"],
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

  test("shows how far it is: a bar on a terminal, two lines elsewhere, nothing with --quiet and --json", async () => {
    const fake = new FakeClauderon();
    const MIB = 1024 * 1024;
    const task = "history" as const;
    fake.progress = [
      { task, phase: "counting", bytes: 0 },
      { task, phase: "writing", bytes: 3 * MIB, totalBytes: 4 * MIB },
      { task, phase: "writing", bytes: 4 * MIB, totalBytes: 4 * MIB },
    ];
    const shown = async (argv: readonly string[], isTerminal = false): Promise<readonly string[]> => {
      const { stderr } = await runInProcess(["create", "a", "--detach", ...argv], { access: access(fake), isTerminal });
      return stderr.split("\n").filter((line) => !line.includes("note:") && !line.startsWith("Creating"));
    };
    expect(await shown([])).toEqual(["Copying the history…", "Copied 4.0 MiB in 0 s", ""]);
    const drawn = (await shown(["--no-color"], true)).join("\n");
    expect(drawn).toContain("\rLooking through the history…");
    expect(drawn).toContain(`[${"=".repeat(18)}${" ".repeat(6)}] 3.0 MiB of about 4.0 MiB`);
    expect(drawn.replaceAll(/\r[^\n]*\r/gu, "")).toContain("Copied 4.0 MiB in 0 s\n");
    expect(drawn).not.toContain("\u001B");
    for (const silent of [["--quiet"], ["--json"], ["--progress", "quiet"], ["--quiet", "--progress", "tty"]])
      expect([silent, await shown(silent)]).toEqual([silent, [""]]);
    const [first = ""] = await shown(["--json", "--progress", "json"]);
    expect(JSON.parse(first)).toEqual({ schemaVersion: 1, progress: fake.progress[0] });
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
