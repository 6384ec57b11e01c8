import type { WorkspaceStatus } from "@clauderon/core/contract";
import { describe, expect, test } from "vitest";

import { access, cleanWorkspace, FakeClauderon, sessionDetail } from "./fake-clauderon.ts";
import { runInProcess } from "./run-in-process.ts";

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
