import type { UndoRecord } from "@clauderon/core/contract";
import { describe, expect, test } from "vitest";

import { access, FakeClauderon, sessionDetail } from "./fake-clauderon.ts";
import { runInProcess } from "./run-in-process.ts";

const record: UndoRecord = {
  schemaVersion: 1,
  kind: "merge",
  id: "id-of-merge",
  name: "fix",
  at: "2026-01-02T00:00:00.000Z",
  deletedAt: "2026-01-02T00:00:00.000Z",
  expiresAt: "2026-02-01T00:00:00.000Z",
  backend: "local",
  agent: "claude",
  repository: "/repository",
  branch: "main",
  bytes: 0,
};

describe("merge and apply", () => {
  test.each([
    [["merge", "fix"], "merge", {}],
    [["merge", "fix", "--squash", "-m", "Text"], "merge", { how: "squash", message: "Text" }],
    [["merge", "fix", "--no-ff", "--into=release"], "merge", { how: "no-ff", into: "release" }],
    [["merge", "fix", "--committed-only"], "merge", { isCommittedOnly: true }],
    [["apply", "fix"], "apply", undefined],
  ])("%j", async (argv, kind, request) => {
    const fake = new FakeClauderon(sessionDetail("fix"));
    expect((await runInProcess(argv, { access: access(fake) })).code).toBe(0);
    expect(fake.results).toEqual([{ name: "fix", kind, request }]);
  });

  test("says what was done and how to take it back; --json prints it", async () => {
    const fake = new FakeClauderon(sessionDetail("fix"));
    const options = { access: access(fake) };
    const merged = await runInProcess(["merge", "fix"], options);
    expect([merged.stdout, merged.stderr]).toEqual([
      "",
      "Merged fix into main: moved forward to 0123456789ab, 1 file; take it back with: clauderon undo id-of-result\n",
    ]);
    const applied = await runInProcess(["apply", "fix"], options);
    expect(applied.stderr).toBe("Applied fix to /repository: 1 file; take it back with: clauderon undo id-of-result\n");
    const json = await runInProcess(["merge", "fix", "--json=kind,files"], options);
    expect(JSON.parse(json.stdout)).toEqual({ kind: "merge", files: ["a.txt"] });
  });

  test.each([["merge"], ["apply"], ["diff"]])(
    "%s tells what came to light when commits came out, on stderr",
    async (command) => {
      const notice = "1 commit that was made on main in /w can be had in the sandbox\u001B[31m";
      const fake = new FakeClauderon(sessionDetail("fix", { syncNotices: [notice] }));
      const { stdout, stderr } = await runInProcess([command, "fix"], { access: access(fake) });
      expect(stderr).toContain("note: 1 commit that was made on main in /w can be had in the sandbox");
      expect(stderr + stdout).not.toContain("\u001B");
      const quiet = await runInProcess([command, "fix", "--quiet"], { access: access(fake) });
      expect(quiet.stderr).not.toContain("note:");
    },
  );

  test.each([
    [["merge", "fix", "--squash", "--no-ff"]],
    [["merge", "fix", "--into="]],
    [["merge", "fix", "--message", ""]],
    [["merge", "fix", "--force"]],
    [["apply", "fix", "other"]],
  ])("%j is refused", async (argv) => {
    const fake = new FakeClauderon(sessionDetail("fix"));
    expect((await runInProcess(argv, { access: access(fake) })).code).toBe(2);
    expect(fake.results).toEqual([]);
  });
});

describe("undo of a merge", () => {
  const deleted: UndoRecord = { ...record, kind: "delete", id: "id-of-fix", at: "2026-01-01T00:00:00.000Z" };

  test.each([[["undo"]], [["undo", "fix"]], [["undo", "id-of-merge"]]])("%j takes the last back", async (argv) => {
    const fake = new FakeClauderon();
    fake.undoRecords = [record, deleted];
    const { stderr } = await runInProcess(argv, { access: access(fake) });
    expect(stderr).toBe("Took back the merge of fix into main in /repository\n");
    expect([fake.takenBack, fake.undone]).toEqual([["id-of-merge"], []]);
  });

  test.each([[["undo", "id-of-fix"]], [["undo", "fix", "--as", "other"]]])(
    "%j brings the session back",
    async (argv) => {
      const fake = new FakeClauderon();
      fake.undoRecords = [record, deleted];
      expect((await runInProcess(argv, { access: access(fake) })).code).toBe(0);
      expect([fake.takenBack, fake.undone.length]).toEqual([[], 1]);
    },
  );

  test("a name of a branch cannot steer the terminal, and the list says what was done", async () => {
    const fake = new FakeClauderon();
    fake.undoRecords = [{ ...record, branch: "\u001b[31mred" }, deleted];
    const list = await runInProcess(["undo", "list"], { access: access(fake) });
    expect(list.stdout).toContain("merged into \\x1b[31mred");
    expect(list.stdout).toContain("deleted");
    const { stdout, stderr } = await runInProcess(["undo", "--json"], { access: access(fake) });
    expect(stderr).not.toContain("\u001b");
    expect(JSON.parse(stdout)).toMatchObject({ kind: "merge", id: "id-of-merge" });
  });
});
