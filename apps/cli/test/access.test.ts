import { describe, expect, test } from "vitest";

import { access, FakeClauderon, sessionDetail } from "./fake-clauderon.ts";
import { runInProcess, type RunResult } from "./run-in-process.ts";

const used = { usd: 1.234, tokens: 45_678, unpricedTokens: 0, unpricedModels: [], estimatedTokens: 0 };

function world(): { readonly fake: FakeClauderon; readonly run: (line: string) => Promise<RunResult> } {
  const fake = new FakeClauderon(sessionDetail("fix"));
  return { fake, run: (line) => runInProcess(line.split(" "), { access: access(fake) }) };
}

describe("access", () => {
  test.each([
    "access fix read-only",
    "access fix --mode read-only",
    "set-access-mode fix read-only",
    "set-access-mode fix --mode read-only",
  ])("%s switches the mode", async (line) => {
    const { fake, run } = world();
    const { code, stdout } = await run(line);
    expect(code).toBe(0);
    expect(fake.changed).toEqual([{ name: "fix", change: { accessMode: "read-only" } }]);
    expect(stdout).toContain("access   read-only (advisory: the agent can go round the proxy)\n");
  });

  test("changes network and lists at once; nothing else is asked for", async () => {
    const { fake, run } = world();
    const { stdout } = await run(
      "access fix --network listed --allow a.example --deny b.example:22 --remove c --advisory",
    );
    const change = { network: "listed", allow: ["a.example"], deny: ["b.example:22"], remove: ["c"], isAdvisory: true };
    expect(fake.changed).toEqual([{ name: "fix", change }]);
    expect(stdout).toBe(
      "session  fix\naccess   read-write (advisory: the agent can go round the proxy)\nnetwork  listed\nallowed  a.example\ndenied   b.example:22\nbudget   none\n",
    );
  });

  test("shows without changing", async () => {
    const { fake, run } = world();
    const { stdout } = await run("access fix --json=accessMode,network");
    expect(fake.changed).toEqual([]);
    expect(JSON.parse(stdout)).toEqual({ accessMode: "read-write", network: "open" });
  });

  test.each([
    ["access fix readonly", '"readonly" is not an access mode'],
    ["access fix read-only --mode read-write", "contradict each other"],
    ["access fix --network all", "--network"],
    ["budget fix 5dollars", '"5dollars" is not a budget'],
  ])("%s is refused before anything is changed", async (line, message) => {
    const { fake, run } = world();
    const { code, stderr } = await run(line);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).toContain("fix:");
    expect(fake.changed).toEqual([]);
  });
});

describe("budget", () => {
  test("shows what was used of which limit, of the session and of the day", async () => {
    const { fake, run } = world();
    fake.used = used;
    expect((await run("budget fix")).stdout).toBe(
      "fix    1.23 usd, 45,678 tokens; no limit\ntoday  1.23 usd, 45,678 tokens; no limit (all sessions)\n",
    );
    expect(JSON.parse((await run("budget fix --json")).stdout)).toMatchObject({
      schemaVersion: 1,
      name: "fix",
      session: { isReached: false, used },
      day: { used, date: "2026-01-01" },
    });
  });

  test("sets the limit, and lifts it", async () => {
    const { fake, run } = world();
    expect((await run("budget fix 10usd")).stdout).toContain("limit 10usd");
    await run("budget fix none");
    expect(fake.changed.map(({ change }) => change)).toEqual([{ budget: "10usd" }, { budget: "none" }]);
  });

  test("says so when nobody counts", async () => {
    const { run } = world();
    expect((await run("budget fix")).stdout).toBe("fix  not counted: it has no proxy; no limit\n");
  });
});

test("status shows what a session is held to", async () => {
  const fake = new FakeClauderon(sessionDetail("fix", { accessMode: "read-only", network: "listed", budget: "5usd" }));
  const run = (line: string): Promise<RunResult> => runInProcess(line.split(" "), { access: access(fake) });
  expect((await run("status fix")).stdout).toMatch(/access +read-only, network listed \(advisory\)\nbudget +5usd\n/u);
  expect(JSON.parse((await run("status fix --json")).stdout)).toMatchObject({
    accessMode: "read-only",
    network: "listed",
    budget: "5usd",
  });
});
