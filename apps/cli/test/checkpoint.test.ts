import { describe, expect, test } from "vitest";

import { access, checkpoint, FakeClauderon, sessionDetail } from "./fake-clauderon.ts";
import { runInProcess } from "./run-in-process.ts";

describe("checkpoint", () => {
  const fakeOf = (): FakeClauderon => new FakeClauderon(sessionDetail("fix"));
  const sessionId = sessionDetail("fix").id;

  test.each([
    [
      ["create", "fix", "Before refactor"],
      ["create", sessionId, { note: "Before refactor" }],
    ],
    [
      ["create", "fix", "-m", "Before refactor"],
      ["create", sessionId, { note: "Before refactor" }],
    ],
    [
      ["create", "fix"],
      ["create", sessionId, { note: undefined }],
    ],
    [
      ["list", "fix"],
      ["list", "fix"],
    ],
    [["list"], ["list", undefined]],
    [
      ["restore", "fix", "one"],
      ["restore", "fix", "one"],
    ],
    [
      ["delete", "one", "two"],
      ["remove", ["one", "two"]],
    ],
    [
      ["screen", "one"],
      ["screen", "one"],
    ],
    [
      ["diff", "one"],
      ["diff", { from: "one", to: undefined, format: "patch" }],
    ],
    [
      ["diff", "one", "two", "--stat"],
      ["diff", { from: "one", to: "two", format: "stat" }],
    ],
  ])("%j", async (argv, call) => {
    const fake = fakeOf();
    expect((await runInProcess(["checkpoint", ...argv], { access: access(fake) })).code).toBe(0);
    expect(fake.checkpointCalls).toEqual([call]);
  });

  test("says what comes next", async () => {
    const options = { access: access(fakeOf()) };
    const made = await runInProcess(["checkpoint", "create", "fix"], options);
    expect(made.stderr).toContain("Made checkpoint 3f2a9c1d04be of fix, 3 files\n");
    expect(made.stderr).toContain("clauderon checkpoint restore fix 3f2a9c1d04be\n");
    const restored = await runInProcess(["checkpoint", "restore", "fix", "one"], options);
    expect(restored.stderr).toBe(
      "HEAD has no branch\nfix is what it was at one; take it back with: clauderon undo before\nStart its agent again with: clauderon start fix\n",
    );
  });

  test("--as and create --from make a session of it", async () => {
    const fake = fakeOf();
    fake.checkpointList = [checkpoint()];
    const options = { access: access(fake) };
    const forked = await runInProcess(["checkpoint", "restore", "fix", "3f2a9c1d04be", "--as", "second"], options);
    expect([forked.code, forked.stdout]).toEqual([0, "second\n"]);
    expect((await runInProcess(["create", "third", "--from", "3f2a9c1d04be", "--detach"], options)).code).toBe(0);
    expect(fake.created.map(({ name, checkpoint: from }) => [name, from])).toEqual([
      ["second", "3f2a9c1d04be"],
      ["third", "3f2a9c1d04be"],
    ]);
    expect((await runInProcess(["checkpoint", "restore", "fix", "none", "--as", "x"], options)).code).toBe(3);
    for (const other of [["--repo", "."], ["--base", "main"], ["--branch", "main"], ["--with-changes"]])
      expect((await runInProcess(["create", "x", "--from", "one", ...other], options)).code).toBe(2);
    expect(fake.created).toHaveLength(2);
  });

  test("lists them, and never lets foreign text steer the terminal", async () => {
    const fake = fakeOf();
    fake.checkpointList = [checkpoint({ note: "evil\u001B[2Jnote" }), checkpoint({ id: "two", trigger: "merge" })];
    const { stdout } = await runInProcess(["checkpoint", "list"], { access: access(fake) });
    expect(stdout).toContain("3f2a9c1d04be");
    expect(stdout).toContain("before a merge");
    expect(stdout).not.toContain("\u001B");
    const json = await runInProcess(["checkpoint", "list", "--json=id,trigger"], { access: access(fake) });
    expect(JSON.parse(json.stdout)).toEqual([
      { id: "3f2a9c1d04be", trigger: "user" },
      { id: "two", trigger: "merge" },
    ]);
  });

  test("shows the terminal's text, and never lets it steer the terminal", async () => {
    const options = { access: access(fakeOf()) };
    const { stdout } = await runInProcess(["checkpoint", "screen", "one"], options);
    expect(stdout).toContain("$ make\nevil");
    expect(stdout).not.toContain("\u001B");
    const json = await runInProcess(["checkpoint", "screen", "one", "--json"], options);
    expect(JSON.parse(json.stdout)).toEqual({ schemaVersion: 1, id: "one", text: "$ make\nevil\u001B[2J" });
  });

  test.each([
    [["screen"]],
    [["create", "fix", "a note", "-m", "another"]],
    [["diff", "one", "--stat", "--name-only"]],
    [["restore", "fix"]],
    [["delete"]],
    [["diff"]],
  ])("%j is not understood", async (argv) => {
    const fake = fakeOf();
    expect((await runInProcess(["checkpoint", ...argv], { access: access(fake) })).code).toBe(2);
    expect(fake.checkpointCalls).toEqual([]);
  });
});
