import { execFile } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

import { openRig } from "./daemon-rig.ts";

const program = fileURLToPath(new URL("../../cli/src/main.ts", import.meta.url));

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

test("the commands of a session whose sandbox shares no files with this machine", async () => {
  await using rig = await openRig(undefined, { shape: "remote" });
  const { home, repository } = rig;
  const environment = { PATH: process.env["PATH"] ?? "", HOME: rig.root, CLAUDERON_HOME: home, NO_COLOR: "1" };
  const clauderon = (...args: readonly string[]): Promise<Ran> =>
    new Promise((resolve) => {
      const argv = ["-C", "@clauderon/source", program, ...args];
      execFile(process.execPath, argv, { cwd: repository, env: environment }, (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, stdout, stderr });
      });
    });
  const fine = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await clauderon(...args);
    expect([args, code, stderr]).toEqual([args, 0, expect.any(String)]);
    return stdout;
  };
  writeFileSync(path.join(repository, "open.txt"), "open\n");
  await fine("create", "one", "--with-changes", "--detach");
  rmSync(path.join(repository, "open.txt"));
  expect(await fine("exec", "one", "--", "cat", "open.txt")).toBe("open\n");
  await fine("exec", "one", "--", "git", "add", "open.txt");
  await fine("exec", "one", "--", "git", "-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "-m", "Open");
  await fine("exec", "one", "--", "sh", "-c", "echo later > later.txt");
  expect((await fine("diff", "one", "--name-only")).split("\n")).toEqual(["later.txt", "open.txt", ""]);
  expect(await fine("status", "one")).toContain("1 untracked, 1 commit only here");
  expect((await clauderon("merge", "one")).stderr).toContain("not committed");
  expect((await clauderon("delete", "one")).stderr).toContain("1 untracked file");
  await fine("exec", "one", "--", "git", "add", "later.txt");
  await fine("exec", "one", "--", "git", "-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "-m", "Later");
  await fine("merge", "one");
  expect(existsSync(path.join(repository, "later.txt"))).toBe(true);
  await fine("delete", "one");
  await fine("undo", "one");
  await fine("start", "one");
  expect(await fine("exec", "one", "--", "git", "log", "-1", "--format=%s")).toBe("Later\n");
  await fine("delete", "one", "--discard", "--yes");
}, 300_000);
