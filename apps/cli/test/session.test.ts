import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { eventually } from "./eventually.ts";
import { Installation } from "./installation.ts";

const SLOW = 120_000;
let here: Installation;

beforeAll(async () => {
  here = await Installation.create();
  const created = await here.cli(["create", "one", "-p", "hello"]);
  expect(created).toMatchObject({ code: 0, stdout: "one\n" });
}, SLOW);

afterAll(async () => {
  await here[Symbol.asyncDispose]();
}, SLOW);

describe("one session", { timeout: SLOW }, () => {
  test("is listed; piped output is plain and holds no escape sequence", async () => {
    const json = await here.cli(["list", "--json"]);
    expect(JSON.parse(json.stdout)).toMatchObject([
      { schemaVersion: 1, name: "one", state: "running", lifecycle: "running", attention: "unknown", backend: "local" },
    ]);
    for (const argv of [
      ["list"],
      ["status", "one"],
      ["logs", "one"],
      ["diff", "one"],
      ["backend", "list"],
      ["config", "list"],
    ]) {
      const { code, stdout, stderr } = await here.call(argv, { FORCE_COLOR: "1" });
      expect(code).toBe(0);
      expect(stdout + stderr).not.toContain("\u001b");
    }
  });

  test("exec: what follows -- is the command's own, its codes and streams pass through", async () => {
    const help = await here.cli(["exec", "one", "--", "ls", "--help"]);
    expect(help.code).toBe(0);
    expect(help.stdout).toContain("ls");
    expect(help.stdout).not.toContain("clauderon");
    const script = 'process.stdout.write("out"); process.stderr.write("err"); process.exit(3)';
    expect(await here.cli(["exec", "one", "--", "node", "-e", script])).toEqual({
      code: 3,
      stdout: "out",
      stderr: "err",
    });
    expect((await here.cli(["exec", "one", "--", "node", "-e", 'process.kill(process.pid, "SIGKILL")'])).code).toBe(
      137,
    );
    const missing = await here.cli(["exec", "one", "--", "no-such-program"]);
    expect(missing.code).toBe(127);
  });

  test("exec: standard input, variables and directory arrive; CLAUDERON_SESSION is set", async () => {
    const words = ["a b", "", "$(x)", "'q\"", "--", "é\n"];
    const echo =
      "process.stdout.write(JSON.stringify([process.argv.slice(1), process.env.A, process.env.CLAUDERON_SESSION]))";
    const argv = await here.cli(["exec", "one", "-e", "A=1=2", "--", "node", "-e", echo, "--", ...words]);
    expect(JSON.parse(argv.stdout)).toEqual([words, "1=2", "one"]);
    const cat = await here.cli(["exec", "one", "--", "cat"], { input: "typed\n" });
    expect(cat).toMatchObject({ code: 0, stdout: "typed\n" });
    expect((await here.cli(["exec", "one", "-w", "..", "--", "pwd"])).stdout).toBe(`${join(here.home, "worktrees")}\n`);
  });

  test("upload: the agent finds the file at the path that is printed, and git does not", async () => {
    const { code, stdout, stderr } = await here.call(["upload", "one", "file.txt"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect((await here.cli(["exec", "one", "--", "cat", stdout.trimEnd()])).stdout).toBe("one\n");
    expect((await here.cli(["exec", "one", "--", "git", "status", "--porcelain"])).stdout).toBe("");
  });

  test("exec: Ctrl-C reaches the command", async () => {
    const script =
      'process.on("SIGINT", () => process.exit(42)); process.stdout.write("up"); setInterval(() => {}, 1000)';
    const { code } = await here.cli(["exec", "one", "--", "node", "-e", script], {
      onStart: (child) => child.stdout?.once("data", () => child.kill("SIGINT")),
    });
    expect(code).toBe(42);
  });

  test("a reader that leaves ends the command quietly", async () => {
    const flood =
      'const write = () => { while (process.stdout.write("y\\n".repeat(1000))); process.stdout.once("drain", write) }; write()';
    const { code, stderr } = await here.cli(["exec", "one", "--", "node", "-e", flood], {
      onStart: (child) => child.stdout?.once("data", () => child.stdout?.destroy()),
    });
    expect({ code, stderr }).toEqual({ code: 141, stderr: "" });
  });

  test("logs show the agent's lines, diff its work, in the worktree no name is needed", async () => {
    await eventually(async () => {
      const { stdout } = await here.call(["logs", "one"]);
      return stdout.includes("task: hello") ? stdout : undefined;
    }, "the agent's first line");
    await writeFile(join(here.worktree("one"), "new.txt"), "new\n");
    const names = await here.cli(["diff", "--name-only"], { cwd: here.worktree("one") });
    expect(names).toMatchObject({ code: 0, stdout: "new.txt\n" });
    const elsewhere = await here.cli(["diff"]);
    expect(elsewhere.code).toBe(2);
    expect(elsewhere.stderr).toContain("usage.needs-input");
  });

  test("survives kill -9 of the daemon", async () => {
    process.kill(await here.daemonPid(), "SIGKILL");
    const { code, stdout, stderr } = await here.cli(["list", "--json=name,state"]);
    expect({ code, list: JSON.parse(stdout) }).toEqual({ code: 0, list: [{ name: "one", state: "running" }] });
    expect(stderr).toContain("Starting the daemon…");
  });

  test("delete on work: 7 with the counts, nothing touched", async () => {
    await writeFile(join(here.worktree("one"), "file.txt"), "two\n");
    const { code, stdout, stderr } = await here.cli(["delete", "one"]);
    expect({ code, stdout }).toEqual({ code: 7, stdout: "" });
    expect(stderr).toContain("1 uncommitted change (0 staged, 1 unstaged), 1 untracked file");
    expect((await here.call(["status", "one", "-q"])).stdout).toBe("running\n");
    expect(existsSync(join(here.worktree("one"), "new.txt"))).toBe(true);
  });

  test("stop, start, wait, delete --discard", async () => {
    expect((await here.call(["stop", "one", "--timeout", "2s"])).code).toBe(0);
    expect((await here.call(["wait", "one", "--for", "status=stopped", "--timeout", "20s"])).stdout).toBe(
      "one stopped\n",
    );
    expect((await here.call(["exec", "one", "--", "true"])).code).toBe(125);
    expect((await here.call(["start", "one"])).code).toBe(0);
    expect((await here.call(["wait", "one", "--for", "status=running", "--timeout", "20s"])).code).toBe(0);
    expect((await here.call(["wait", "one", "--timeout", "100ms"])).code).toBe(8);
    expect((await here.call(["delete", "one", "--discard", "--yes"])).code).toBe(0);
    expect(existsSync(here.worktree("one"))).toBe(false);
    expect((await here.call(["list", "--json"])).stdout).toBe("[]\n");
    expect((await here.call(["status", "one"])).code).toBe(3);
    const { stdout } = await here.call(["events", "--json"]);
    const types = stdout
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { body: { type: string } }).body.type);
    expect(types[0]).toBe("session.created");
    expect(types.at(-1)).toBe("session.deleted");
  });
});

describe("create", { timeout: SLOW }, () => {
  test("--print streams both streams and exits with the agent's code; --ephemeral leaves nothing", async () => {
    const { code, stdout, stderr } = await here.cli([
      "create",
      "p",
      "--print",
      "--ephemeral",
      "-q",
      "-p",
      "please exit 5",
    ]);
    expect({ code, stdout, stderr }).toEqual({ code: 5, stdout: "task: please exit 5\r\n", stderr: "to-stderr\n" });
    expect(await here.names()).toEqual([]);
  });

  test.each([
    [["create", "a/b"], 2],
    [["create", ".."], 2],
    [["create", "x".repeat(256)], 2],
    [["create", "🙂"], 2],
    [["create", "fine", "--base", "no-such-ref"], 1],
    [["create", "fine", "--backend", "no-such-backend"], 2],
    [["create", "fine", "--agent", "no-such-agent"], 2],
    [["create", "fine", "--image", "debian"], 2],
    [["create", "fine", "--cpu-limit", "1"], 2],
    [["create", "fine", "--repo", "/"], 1],
    [["create", "fine", "--repo", "/does/not/exist"], 1],
  ])("%j is refused", async (argv, code) => {
    const result = await here.call(argv);
    expect(result.stderr).toMatch(/^error: \S/m);
    expect(result.stderr).toMatch(/^ {2}fix: \S/m);
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout: "" });
  });

  test("what was refused has left nothing", async () => {
    expect(await here.names()).toEqual([]);
    expect((await here.program(["git", "branch", "--list", "clauderon/*"])).stdout).toBe("");
  });

  // A machine that is busy with other things may take longer once, not again and again.
  test("Ctrl-C: 130 within 2 s, nothing left", { retry: 2 }, async () => {
    const marker = join(here.directory, "slow");
    const reached = join(here.directory, "reached");
    await here.shadow(
      "git",
      `#!/bin/sh\nfor word in "$@"; do if [ "$word" = worktree ] && [ -e "${marker}" ]; then touch "${reached}"; while [ -e "${marker}" ]; do sleep 0.05; done; fi; done\nexec {real} "$@"\n`,
    );
    await here.call(["daemon", "restart"]);
    await writeFile(marker, "");
    let interruptedAt = 0;
    const result = await here.cli(["create", "slow", "-p", "x"], {
      onStart: (child) => {
        void eventually(() => (existsSync(reached) ? true : undefined), "git is running").then(() => {
          interruptedAt = Date.now();
          child.kill("SIGINT");
        });
      },
    });
    const tookMs = Date.now() - interruptedAt;
    await rm(marker);
    expect(result.code).toBe(130);
    await eventually(async () => ((await here.names()).length === 0 ? true : undefined), "the row is gone");
    const report = await here.call(["reconcile", "--json"]);
    expect(JSON.parse(report.stdout)).toMatchObject({ findings: [] });
    expect(existsSync(here.worktree("slow"))).toBe(false);
    const branches = await here.program(["git", "branch", "--list", "clauderon/*"]);
    expect(branches.stdout).toBe("");
    expect(tookMs).toBeLessThan(2_500);
  });
});
