import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { isTrustedByClaude } from "../src/claude-files.ts";
import { trustClaudeWorktrees } from "../src/index.ts";
import { AgentHome } from "./agent-home.ts";

const WORKTREES = "/home/me/.clauderon/worktrees";

test("one entry answers for every worktree; all else and the mode stay", async () => {
  using home = new AgentHome();
  const state = {
    numStartups: 3,
    projects: { "/p": { allowedTools: ["x"] }, [WORKTREES]: { lastCost: 1 } },
    nested: { ü: null },
  };
  const path = home.file(".claude.json", JSON.stringify(state));
  chmodSync(path, 0o640);
  expect(await trustClaudeWorktrees(home.home, `${WORKTREES}/`)).toEqual({ path, isChanged: true });
  expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({
    ...state,
    projects: { "/p": { allowedTools: ["x"] }, [WORKTREES]: { lastCost: 1, hasTrustDialogAccepted: true } },
  });
  expect(statSync(path).mode & 0o777).toBe(0o640);
  expect(await isTrustedByClaude(home.environment, `${WORKTREES}/fix`)).toBe(true);
  expect(await isTrustedByClaude(home.environment, "/home/me")).toBe(false);
  expect(readdirSync(home.home)).toEqual([".claude.json"]);
});

test("a linked directory is trusted by both its names", async () => {
  using home = new AgentHome();
  const link = join(home.root, "link");
  symlinkSync(home.directory("real"), link);
  await trustClaudeWorktrees(home.home, link);
  expect(await isTrustedByClaude(home.environment, join(link, "fix"))).toBe(true);
  expect(await isTrustedByClaude(home.environment, join(home.root, "real", "fix"))).toBe(true);
});

test("a second time nothing is written", async () => {
  using home = new AgentHome();
  const { path } = await trustClaudeWorktrees(home.home, WORKTREES);
  const before = [readFileSync(path, "utf8"), statSync(path).ino];
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect((await trustClaudeWorktrees(home.home, WORKTREES)).isChanged).toBe(false);
  expect([readFileSync(path, "utf8"), statSync(path).ino]).toEqual(before);
});

test.each(["{ not json", "[]", '{"projects":[]}', "3"])("%s is refused and left as it is", async (text) => {
  using home = new AgentHome();
  const path = home.file(".claude.json", text);
  await expect(trustClaudeWorktrees(home.home, WORKTREES)).rejects.toMatchObject({ code: "file.failed" });
  expect(readFileSync(path, "utf8")).toBe(text);
});
