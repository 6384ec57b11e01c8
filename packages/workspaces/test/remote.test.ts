import { existsSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { fixture } from "./git-fixture.ts";
import { filesOf, remoteSession } from "./remote-fixture.ts";

const STATUS = ["status", "--porcelain=v2", "--ignored"];

describe("a workspace in a sandbox that shares no files with this machine", () => {
  it("has inside what was on the host: history, branch, index, uncommitted and included files, each byte as it was", async () => {
    const world = fixture();
    world.write({ "crlf.txt": "one\r\ntwo\n", ".gitattributes": "*.txt text=auto\n" });
    world.git(["add", "."]);
    world.git(["commit", "--quiet", "-m", "Second"]);
    world.git(["branch", "clauderon/other"]);
    world.git(["tag", "v1", "HEAD~1"]);
    world.write({ "a.txt": "staged\n", "new file\twith\nnewline": "untracked\r\n", ".env": "SECRET=1\n" });
    world.write({ ".gitignore": "ignored*\n.env\n" });
    world.git(["add", "a.txt"]);
    world.write({ "a.txt": "staged, then changed\r\nmixed\n", "deep/run.sh": "#!/bin/sh\n" });
    world.git(["add", "deep/run.sh"]);
    world.git(["update-index", "--chmod=+x", "deep/run.sh"]);
    symlinkSync("../outside", join(world.repository, "deep", "link"));
    rmSync(join(world.repository, "b.txt"));
    const { sandbox, record, host } = await remoteSession({
      world,
      withChanges: true,
      include: { patterns: [".env"], isFileRead: false },
    });
    expect(filesOf(sandbox.workspacePath)).toEqual(filesOf(record.path));
    expect(await sandbox.git(...STATUS)).toBe(host(...STATUS));
    expect(await sandbox.git("diff", "--cached")).toBe(host("diff", "--cached"));
    expect(await sandbox.git("log", "--format=%H %D", "HEAD")).toContain("HEAD -> clauderon/fix");
    expect(await sandbox.git("for-each-ref", "--format=%(refname)")).toBe(
      "refs/heads/clauderon/fix\nrefs/heads/main\nrefs/tags/v1\n",
    );
    await sandbox.git("fsck", "--strict");
  }, 60_000);

  it("commits, staged and unstaged changes, new, deleted and ignored files come out; nothing that HEAD had is missing", async () => {
    const { sandbox, record, host, sync } = await remoteSession();
    await sandbox.script(`
      echo committed > c.txt; git add c.txt; git commit -q -m Inside
      echo staged > s.txt; git add s.txt; echo more >> s.txt
      printf 'raw\\r\\nbytes' > u.bin; rm b.txt; ln -s a.txt l; chmod +x a.txt
      mkdir -p ignored/deep; echo built > ignored/deep/out
      git stash list > /dev/null`);
    expect(await sync()).toMatchObject({ branch: "clauderon/fix", hostBranches: [], notices: [] });
    expect(host("log", "-1", "--format=%s")).toBe("Inside\n");
    expect(host("status", "--porcelain=v2")).toBe(await sandbox.git("status", "--porcelain=v2"));
    expect(existsSync(join(record.path, "ignored"))).toBe(false);
    expect(await sync({ ignoredLimitBytes: 100 })).toMatchObject({ ignored: { bytes: 100, isMore: true } });
    expect(existsSync(join(record.path, "ignored"))).toBe(false);
    expect(await sync({ ignoredLimitBytes: 1e9 })).toMatchObject({ ignored: { isMore: false } });
    expect(filesOf(record.path)).toEqual(filesOf(sandbox.workspacePath));
    // What becomes of it later follows, too: a file in the place of a directory, and the other way round.
    await sandbox.script("rm -r deep a.txt; echo file > deep; mkdir a.txt; echo in > a.txt/in; rm l u.bin; git add -A");
    await sync({ ignoredLimitBytes: 1e9 });
    expect(filesOf(record.path)).toEqual(filesOf(sandbox.workspacePath));
    expect(host("status", "--porcelain=v2")).toBe(await sandbox.git("status", "--porcelain=v2"));
  }, 60_000);

  it("history that the session may not see does not travel", async () => {
    const world = fixture();
    world.write({ "secret.txt": "taken back\n" });
    world.git(["add", "."]);
    world.git(["commit", "--quiet", "-m", "Secret"]);
    const secret = world.git(["rev-parse", "HEAD"]).trim();
    world.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    world.write({ "stash.txt": "stashed\n" });
    world.git(["stash", "--quiet", "--include-untracked"]);
    const { sandbox } = await remoteSession({ world });
    const objects = await sandbox.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)");
    expect(objects).not.toContain(secret);
    const contents = await sandbox.script("git cat-file --batch-all-objects --batch");
    expect(contents).not.toMatch(/taken back|stashed/u);
    expect(contents).toContain("three");
  }, 60_000);
});
