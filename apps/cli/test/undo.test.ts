import { describe, expect, test } from "vitest";

import { access, FakeClauderon, sessionDetail } from "./fake-clauderon.ts";
import { runInProcess } from "./run-in-process.ts";

const record = {
  schemaVersion: 1,
  kind: "delete",
  id: "id-of-fix",
  name: "fix",
  at: "2026-01-01T00:00:00.000Z",
  deletedAt: "2026-01-01T00:00:00.000Z",
  expiresAt: "2026-01-31T00:00:00.000Z",
  backend: "local",
  agent: "claude",
  repository: "/repository",
  branch: "clauderon/fix",
  bytes: 3 * 1024 * 1024,
} as const;

describe("undo", () => {
  test.each([
    [["undo"], {}],
    [["undo", "fix"], { reference: "fix" }],
    [["undo", "restore", "list"], { reference: "list" }],
    [["undo", "fix", "--as", "other"], { reference: "fix", name: "other" }],
    [["undo", "--as=other"], { name: "other" }],
    [["undo", "-q", "fix", "--repository", "/moved"], { reference: "fix", repository: "/moved" }],
  ])("%j brings back %j", async (argv, request) => {
    const fake = new FakeClauderon();
    expect((await runInProcess(argv, { access: access(fake) })).code).toBe(0);
    expect(fake.undone).toEqual([request]);
  });

  test("says what to do next; --json prints the session", async () => {
    const fake = new FakeClauderon();
    const { stdout, stderr } = await runInProcess(["undo", "fix"], { access: access(fake) });
    expect([stdout, stderr]).toEqual(["", "Brought back fix; start its agent with: clauderon start fix\n"]);
    const json = await runInProcess(["undo", "fix", "--json"], { access: access(fake) });
    expect(JSON.parse(json.stdout)).toMatchObject({ schemaVersion: 1, name: "fix", lifecycle: "stopped" });
  });

  test("list shows a table or JSON", async () => {
    const fake = new FakeClauderon();
    expect((await runInProcess(["undo", "list"], { access: access(fake) })).stderr).toBe("There is nothing to undo\n");
    fake.undoRecords = [record];
    const { stdout } = await runInProcess(["undo", "list"], { access: access(fake) });
    expect(stdout).toMatch(
      /^NAME +WHAT +WHEN +KEPT UNTIL +SIZE +REPOSITORY +ID\nfix +deleted +\d+d ago +2026-01-31 +3\.0 MiB/u,
    );
    const json = await runInProcess(["undo", "list", "--json=id,bytes"], { access: access(fake) });
    expect(JSON.parse(json.stdout)).toEqual([{ id: record.id, bytes: record.bytes }]);
  });

  test("drop needs an id", async () => {
    const fake = new FakeClauderon();
    expect((await runInProcess(["undo", "drop"], { access: access(fake) })).code).toBe(2);
    expect((await runInProcess(["undo", "drop", "id-of-fix"], { access: access(fake) })).code).toBe(0);
    expect(fake.dropped).toEqual(["id-of-fix"]);
  });

  test.each([[["undo", "fix", "--nonsense"]], [["undo", "--nonsense"]], [["undo", "one", "two"]]])(
    "%j is refused",
    async (argv) => {
      const fake = new FakeClauderon();
      expect((await runInProcess(argv, { access: access(fake) })).code).toBe(2);
      expect(fake.undone).toEqual([]);
    },
  );

  test("delete says until when", async () => {
    const fake = new FakeClauderon(sessionDetail("fix"));
    fake.undoUntil = record.expiresAt;
    const { stderr } = await runInProcess(["delete", "fix"], { access: access(fake) });
    expect(stderr).toContain("kept until 2026-01-31; bring it back: clauderon undo fix");
  });
});
