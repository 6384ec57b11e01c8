import { existsSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { fixture } from "./git-fixture.ts";
import { privateSession, whyNoMounts } from "./private-fixture.ts";

if (whyNoMounts !== undefined) process.stdout.write(`${whyNoMounts}\n`);

const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 12345\n`;

describe.skipIf(whyNoMounts !== undefined)("in a private workspace", () => {
  it("a repository with SHA-256 names works on both sides", async () => {
    const world = fixture({ initArgs: ["--object-format=sha256"] });
    const session = await privateSession({ world });
    const { sandbox, host } = session;
    await sandbox.run([
      "sh",
      "-ec",
      "echo work > work.txt; git add .; git commit -q -m Work; echo s > s.txt; git add s.txt",
    ]);
    await session.sync();
    expect(host(["log", "--format=%s"])).toBe("Work\nFirst\n");
    expect(host(["rev-parse", "HEAD"]).trim()).toHaveLength(64);
    expect(host(["status", "--porcelain"])).toBe("A  s.txt\n");
    host(["commit", "--quiet", "-m", "Mine"]);
    await session.sync();
    expect(await sandbox.git(["log", "-1", "--format=%s", "host/clauderon/fix"])).toBe("Mine\n");
  }, 60_000);

  it("a submodule is a name and a commit: what the agent moves it to comes out, and nobody enters it outside", async () => {
    const world = fixture();
    world.write({ ".gitmodules": '[submodule "sub"]\n\tpath = sub\n\turl = https://example.invalid/sub.git\n' });
    const [one, two] = ["1".repeat(40), "2".repeat(40)];
    world.git(["add", ".gitmodules"]);
    world.git(["update-index", "--add", "--cacheinfo", `160000,${one},sub`]);
    world.git(["commit", "--quiet", "-m", "Sub"]);
    const session = await privateSession({ world });
    const { sandbox, host } = session;
    expect(await sandbox.git(["submodule", "status"])).toBe(`-${one} sub\n`);
    expect(await sandbox.git(["status", "--porcelain"])).toBe("");
    await sandbox.git(["update-index", "--cacheinfo", `160000,${two},sub`]);
    await sandbox.git(["commit", "--quiet", "-m", "Moved"]);
    await sandbox.run([
      "sh",
      "-ec",
      "git init -q sub; cd sub; git -c user.name=A -c user.email=a@example.com commit -q --allow-empty -m S",
    ]);
    await session.sync();
    expect(host(["ls-files", "--stage", "-t", "sub"])).toBe(`S 160000 ${two} 0\tsub\n`);
    expect(host(["status", "--porcelain"])).toBe("");
    expect(await world.provider.diff(session.record, { format: "names" })).toBe("sub\n");
  }, 60_000);

  it("a file of LFS is its pointer inside, and its content where the agent fetched it, with nothing changed outside", async () => {
    const world = fixture();
    world.write({ ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "large.bin": pointer });
    world.git(["add", "."]);
    world.git(["commit", "--quiet", "-m", "Large"]);
    const session = await privateSession({ world });
    const { sandbox, host, record } = session;
    expect((await sandbox.run(["cat", "large.bin"])).stdout).toBe(pointer);
    expect(await sandbox.git(["status", "--porcelain"])).toBe("");
    world.write({ "other.bin": pointer.replace("12345", "999") }, record.path);
    await sandbox.run(["sh", "-ec", "git add other.bin; git commit -q -m Other"]);
    await session.sync();
    expect(host(["status", "--porcelain"])).toBe("");
    expect(await world.provider.diff(record, { format: "names" })).toBe("other.bin\n");
  }, 60_000);

  it("a sparse checkout inside deletes nothing outside, and its end brings everything back", async () => {
    const world = fixture();
    world.write({ "deep/one.txt": "1\n", "wide/two.txt": "2\n", "wide/three.txt": "3\n" });
    world.git(["add", "."]);
    world.git(["commit", "--quiet", "-m", "Wide"]);
    const session = await privateSession({ world });
    const { sandbox, host, record } = session;
    await sandbox.git(["sparse-checkout", "set", "deep"]);
    expect(existsSync(join(record.path, "wide"))).toBe(false);
    const { notices } = await session.sync();
    expect(notices).toEqual([]);
    expect(host(["status", "--porcelain"])).toBe("");
    expect(await world.provider.status(record)).toMatchObject({ staged: 0, unstaged: 0, untracked: 0 });
    expect(await world.provider.diff(record)).toBe("");
    await sandbox.run(["sh", "-ec", "echo more >> deep/one.txt; git commit -q -a -m More"]);
    await session.sync();
    expect(host(["status", "--porcelain"])).toBe("");
    expect(await world.provider.diff(record, { format: "names" })).toBe("deep/one.txt\n");
    // What is flagged and there is looked at all the same: nobody can hide a change by a flag.
    await sandbox.git(["sparse-checkout", "disable"]);
    await sandbox.git(["update-index", "--skip-worktree", "wide/two.txt"]);
    world.write({ "wide/two.txt": "hidden\n" }, record.path);
    await session.sync();
    expect(host(["status", "--porcelain"])).toBe(" M wide/two.txt\n");
    await sandbox.run([
      "sh",
      "-ec",
      "git update-index --no-skip-worktree wide/two.txt; git checkout -q wide; rm wide/three.txt",
    ]);
    await session.sync();
    expect(host(["status", "--porcelain"])).toBe(" D wide/three.txt\n");
  }, 60_000);

  it("stashes are counted, every one of them, and are kept with the rest", async () => {
    const session = await privateSession();
    const { world, sandbox, record, request } = session;
    await sandbox.run(["sh", "-ec", "for n in 1 2 3; do echo $n >> a.txt; git stash -q; done"]);
    await session.sync();
    expect(await world.provider.status(record)).toMatchObject({ stashes: 3, unstaged: 0 });
    await expect(world.provider.remove(record, { sessionId: request.sessionId })).rejects.toMatchObject({
      why: expect.stringContaining("3 stashes"),
    });
    await sandbox.git(["stash", "drop", "--quiet"]);
    await session.sync();
    expect(await world.provider.status(record)).toMatchObject({ stashes: 2 });
    await sandbox.git(["stash", "clear"]);
    await session.sync();
    expect(await world.provider.status(record)).not.toHaveProperty("stashes");
  }, 60_000);

  it("what is to be added is seen as a new file", async () => {
    const session = await privateSession();
    const { world, sandbox, record, host } = session;
    await sandbox.run(["sh", "-ec", "echo new > new.txt; git add --intent-to-add new.txt"]);
    await session.sync();
    expect(host(["status", "--porcelain"])).toBe("?? new.txt\n");
    expect(await world.provider.diff(record, { format: "names" })).toBe("new.txt\n");
  }, 60_000);
});
