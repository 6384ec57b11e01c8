import { describe, expect, it } from "vitest";

import { commitFile } from "./mirror-fixture.ts";
import { privateSession, whyNoMounts } from "./private-fixture.ts";

if (whyNoMounts !== undefined) process.stdout.write(`${whyNoMounts}\n`);

describe.skipIf(whyNoMounts !== undefined)("a branch of the agent's and one of the user's that cannot both be", () => {
  it.each([
    ["part", "part/one"],
    ["part/one", "part"],
  ])(
    "the user's %s and the agent's %s: each keeps its commits, it is told, and ends when there is room",
    async (mine, theirs) => {
      const session = await privateSession();
      const { sandbox, host, record, world } = session;
      host(["switch", "--quiet", "-c", mine]);
      const own = commitFile(world, { "mine.txt": "mine\n" }, record.path);
      host(["switch", "--quiet", "clauderon/fix"]);
      await sandbox.run(["sh", "-ec", 'git switch -q -c "$1"; git commit -q --allow-empty -m Theirs', "sh", theirs]);
      const first = await session.sync();
      expect(first.hostBranches).toEqual([mine]);
      expect(first.notices.join("\n")).toContain(
        `the sandbox's branch ${theirs} is sandbox/heads/${theirs} in ${record.path}, as your branch ${mine} is in the way of its name`,
      );
      expect(host(["log", "-1", "--format=%s", `sandbox/heads/${theirs}`])).toBe("Theirs\n");
      expect(host(["log", "-1", "--format=%s"])).toBe("Theirs\n");
      expect(host(["rev-parse", mine]).trim()).toBe(own);
      await sandbox.git(["commit", "--quiet", "--allow-empty", "-m", "More"]);
      expect((await session.sync()).notices.join("\n")).toContain("is in the way of its name");
      expect(host(["log", "-1", "--format=%s", `sandbox/heads/${theirs}`])).toBe("More\n");
      host(["branch", "--move", mine, "own"]);
      expect((await session.sync()).notices.join("\n")).not.toContain("is in the way");
      expect(host(["log", "-1", "--format=%s", theirs])).toBe("More\n");
      expect(host(["symbolic-ref", "--short", "HEAD"])).toBe(`${theirs}\n`);
      expect(host(["for-each-ref", "refs/clauderon/blocked"])).toBe("");
      // Deleted here it stays so.
      await sandbox.git(["switch", "--quiet", "clauderon/fix"]);
      await session.sync();
      host(["branch", "--quiet", "-D", theirs]);
      await session.sync();
      expect(host(["branch", "--list", theirs])).toBe("");
    },
    120_000,
  );

  it("the user's own two, one after the other: inside the second gets another name while the first is there", async () => {
    const session = await privateSession();
    const { sandbox, host, record, world } = session;
    const make = (branch: string): string => {
      host(["switch", "--quiet", "-c", branch]);
      const commit = commitFile(world, { "mine.txt": `${branch}\n` }, record.path);
      host(["switch", "--quiet", "clauderon/fix"]);
      return commit;
    };
    make("part/one");
    await session.sync();
    host(["branch", "--quiet", "-D", "part/one"]);
    const second = make("part");
    for (let count = 0; count < 2; count += 1) {
      const { notices } = await session.sync();
      expect(notices.join("\n")).toContain("can be had in the sandbox as host/part-here");
      expect(notices.join("\n")).not.toContain("could not be given");
    }
    expect((await sandbox.git(["rev-parse", "refs/remotes/host/part-here"])).trim()).toBe(second);
    expect(await sandbox.git(["show", "host/part/one:mine.txt"])).toBe("part/one\n");
  }, 120_000);
});
