import { SessionError } from "@clauderon/core/contract";
import { describe, expect, test } from "vitest";

import { access, FakeClauderon, sessionDetail } from "./fake-clauderon.ts";
import { runInProcess } from "./run-in-process.ts";

// What an agent or a repository may name: a title, a clipboard, a cleared screen, a cursor that goes back, the same with 8-bit introducers, a bell.
const HOSTILE = "a\u001b]0;owned\u0007b\u001b]52;c;eA==\u001b\\c\u001b[2Jd\u009b31me\u009d0;owned\u009cf\rg\bh\u007fi";

/** Colours are ours; nothing else may steer. */
const ours = new RegExp(String.raw`\u001b\[[0-9;]*m`, "gu");
const steering = /(?![\n\t])\p{Cc}/u;

function hostileWorld(): FakeClauderon {
  const detail = sessionDetail("fix", {
    repository: `/repository/${HOSTILE}`,
    branch: HOSTILE,
    workspace: `/worktrees/${HOSTILE}`,
    agent: HOSTILE,
    model: HOSTILE,
    prompt: HOSTILE,
    base: HOSTILE,
    conversationId: HOSTILE,
    notices: [HOSTILE],
    workspaceStatus: { exists: true, staged: 1, unstaged: 1, untracked: 1, unreachedCommits: 1, files: [HOSTILE] },
  });
  const fake = new FakeClauderon(detail);
  fake.undoRecords = [
    {
      schemaVersion: 1,
      kind: "delete",
      id: HOSTILE,
      name: HOSTILE,
      at: "2026-01-01T00:00:00.000Z",
      deletedAt: "2026-01-01T00:00:00.000Z",
      expiresAt: "2026-01-31T00:00:00.000Z",
      backend: "local",
      agent: HOSTILE,
      repository: HOSTILE,
      branch: HOSTILE,
      bytes: 1,
    },
  ];
  fake.patchSession = (session) => ({
    ...session,
    name: HOSTILE,
    diff: async () => `--- a/${HOSTILE}\n+++ b/${HOSTILE}\n+${HOSTILE}\n`,
    text: async () => `${HOSTILE}\n`,
    delete: async () => ({ id: "id", name: HOSTILE, kept: [HOSTILE], undoUntil: "2026-01-31T00:00:00.000Z" }),
    stop: () =>
      Promise.reject(
        new SessionError({ code: "session.not-found", message: HOSTILE, why: HOSTILE, fix: [HOSTILE, HOSTILE] }),
      ),
  });
  return fake;
}

describe("text of others on the user's terminal", () => {
  test.each([
    [["list"]],
    [["list", "--json"]],
    [["list", "--quiet"]],
    [["status", "fix"]],
    [["status", "fix", "--json"]],
    [["diff", "fix"]],
    [["diff", "fix", "--stat"]],
    [["diff", "fix", "--json"]],
    [["logs", "fix"]],
    [["undo", "list"]],
    [["undo", "list", "--json"]],
    [["undo", "fix"]],
    [["undo", "drop", "fix"]],
    [["delete", "fix"]],
    [["delete", "fix", "--discard"]],
    [["delete", "fix", "--json"]],
    [["stop", "fix"]],
    [["stop", "fix", "--json"]],
    [["stop", "fix", "--debug"]],
    [["start", "fix"]],
    [["create", "fix", "--detach"]],
    [["access", "fix"]],
    [["budget", "fix"]],
    [["wait", "fix", "--for", "running"]],
    [["status", HOSTILE]],
    [[HOSTILE]],
    [["list", `--${HOSTILE}`]],
  ])("%j", async (argv) => {
    const answers = { confirm: async () => true };
    const { stdout, stderr } = await runInProcess(argv, { access: access(hostileWorld()), isTerminal: true, answers });
    const shown = (stdout + stderr).replaceAll(ours, "");
    expect(shown).not.toBe("");
    const at = shown.search(steering);
    expect(at === -1 ? "" : JSON.stringify(shown.slice(Math.max(0, at - 40), at + 20))).toBe("");
  });
});
