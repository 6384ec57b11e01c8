import { readFileSync } from "node:fs";
import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { Installation } from "./installation.ts";

const SLOW = 120_000;
let here: Installation;

/** Runs the command line, which has to succeed; what it printed on both streams. */
async function cli(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await here.call([...args, "--yes"]);
  expect([args, stdout, stderr, code]).toEqual([args, stdout, stderr, 0]);
  return stdout + stderr;
}

/** Git in the session's sandbox. */
async function inside(name: string, ...args: readonly string[]): Promise<string> {
  const identity = ["-c", "user.name=Agent", "-c", "user.email=agent@example.invalid"];
  const { code, stdout, stderr } = await here.call(["exec", name, "--", "git", ...identity, ...args]);
  expect([args, stderr, code]).toEqual([args, stderr, 0]);
  return stdout;
}

async function git(...args: readonly string[]): Promise<string> {
  const identity = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid"];
  const { code, stdout, stderr } = await here.program(["git", ...identity, ...args]);
  expect([args, stderr, code]).toEqual([args, stderr, 0]);
  return stdout;
}

const write = (name: string, file: string, text: string): Promise<void> =>
  writeFile(join(here.worktree(name), file), text);
const read = (name: string, file: string): string => readFileSync(join(here.worktree(name), file), "utf8");

beforeAll(async () => {
  here = await Installation.create();
  const module = fileURLToPath(new URL("box-backend.fixture.ts", import.meta.url));
  await appendFile(join(here.home, "config.toml"), `[backends.box]\nmodule = ${JSON.stringify(module)}\n`);
}, SLOW);

afterAll(async () => {
  await here[Symbol.asyncDispose]();
}, SLOW);

describe("a session with a git directory of its own, through the command line", { timeout: SLOW }, () => {
  test("status, diff and merge bring out what is there; undo takes the merge back", async () => {
    await cli("create", "one", "--backend", "box", "-p", "hello");
    await write("one", "work.txt", "work\n");
    await inside("one", "add", "work.txt");
    await inside("one", "commit", "-q", "-m", "Work");
    await write("one", "file.txt", "one\ntwo\n");
    expect(await cli("status", "one")).toContain("1 unstaged, 0 untracked, 1 commit only here");
    expect(await cli("diff", "one", "--name-only")).toBe("file.txt\nwork.txt\n");
    expect(await cli("merge", "one", "--committed-only")).toContain("moved forward");
    expect(await git("log", "-1", "--format=%s")).toBe("Work\n");
    await cli("undo");
    expect(await git("log", "-1", "--format=%s")).toBe("first\n");
    expect(await cli("apply", "one")).toContain("2 files");
    expect(await git("status", "--porcelain")).toBe(" M file.txt\n?? work.txt\n");
    await cli("undo");
    expect(await git("status", "--porcelain")).toBe("");
  });

  test("a commit made in the worktree by hand is told wherever somebody looks, until the sandbox has it", async () => {
    await here.program(
      ["git", "-c", "user.name=T", "-c", "user.email=t@example.invalid", "commit", "-q", "-a", "-m", "By hand"],
      { cwd: here.worktree("one") },
    );
    const notice = "can be had in the sandbox as host/clauderon/one";
    for (const args of [
      ["diff", "one", "--stat"],
      ["status", "one"],
      ["merge", "one", "--into", "main"],
    ])
      expect([args, await cli(...args)]).toEqual([args, expect.stringContaining(notice)]);
    expect(JSON.parse(await cli("status", "one", "--json=syncNotices"))).toMatchObject({
      syncNotices: [expect.any(String), expect.stringContaining(notice)],
    });
    expect(await cli("events", "--type", "session.synced")).toContain(notice);
    expect(await git("log", "-1", "--format=%s")).toBe("By hand\n");
    await inside("one", "reset", "-q", "host/clauderon/one");
    expect(await cli("diff", "one", "--stat")).not.toContain(notice);
    expect(await cli("status", "one")).not.toContain(notice);
  });

  test("a checkpoint is gone back to on both sides, and taken back", async () => {
    await write("one", "staged.txt", "staged\n");
    await inside("one", "add", "staged.txt");
    await write("one", "new.txt", "new\n");
    const [, id = ""] = /"id":\s*"([^"]+)"/u.exec(await cli("checkpoint", "create", "one", "before", "--json")) ?? [];
    const before = await inside("one", "status", "--porcelain=v2", "--branch");
    await inside("one", "add", "--all");
    await inside("one", "commit", "-q", "-m", "Later");
    await write("one", "file.txt", "later\n");
    const taken = await cli("checkpoint", "restore", "one", id);
    expect(read("one", "file.txt")).toBe("one\ntwo\n");
    await cli("start", "one");
    expect(await inside("one", "status", "--porcelain=v2", "--branch")).toBe(before);
    expect(await inside("one", "log", "-1", "--format=%s")).toBe("By hand\n");
    expect(await cli("status", "one")).toContain("1 staged, 0 unstaged, 1 untracked");
    const [, undo = ""] = /clauderon undo (\S+)/u.exec(taken) ?? [];
    await cli("undo", undo);
    await cli("start", "one");
    expect(await inside("one", "log", "-1", "--format=%s")).toBe("Later\n");
    expect(await inside("one", "status", "--porcelain")).toBe(" M file.txt\n");
    await cli("checkpoint", "restore", "one", id, "--as", "two");
    expect(await inside("two", "status", "--porcelain")).toBe("A  staged.txt\n?? new.txt\n");
  });

  test("archive and unarchive, delete and undo keep what both sides have; work is refused without --discard", async () => {
    await inside("one", "stash", "-q");
    await cli("archive", "one");
    await cli("unarchive", "one");
    await cli("start", "one");
    expect(await inside("one", "stash", "list")).toContain("stash@{0}");
    const refused = await here.call(["delete", "one", "--yes"]);
    expect([refused.code, refused.stderr]).toEqual([expect.any(Number), expect.stringContaining("1 stash")]);
    expect(refused.code).not.toBe(0);
    expect(await cli("delete", "one", "--discard")).toContain("branch clauderon/one stays");
    expect(await git("log", "-1", "--format=%s", "clauderon/one")).toBe("Later\n");
    await cli("undo", "one");
    await cli("start", "one");
    expect(await inside("one", "stash", "list")).toContain("stash@{0}");
    expect(await inside("one", "log", "-1", "--format=%s")).toBe("Later\n");
  });
});
