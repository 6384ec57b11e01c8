import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { fixture, snapshot } from "./git-fixture.ts";
import { commitFile } from "./mirror-fixture.ts";
import { privateSession, whyNoMounts } from "./private-fixture.ts";

if (whyNoMounts !== undefined) process.stdout.write(`${whyNoMounts}\n`);

describe.skipIf(whyNoMounts !== undefined)("a private workspace, seen from inside", () => {
  it("is a whole checkout on the session's branch, under the user's name, with the branches that it may see", async () => {
    const world = fixture();
    world.git(["branch", "topic"]);
    world.git(["remote", "add", "origin", "https://user:secret-token@example.com/repository.git"]);
    const { sandbox } = await privateSession({ world });
    expect(await sandbox.git(["status", "--porcelain=v2", "--branch"])).toContain("# branch.head clauderon/fix\n");
    expect(await sandbox.git(["status", "--porcelain"])).toBe("");
    expect(await sandbox.git(["log", "--format=%s"])).toBe("First\n");
    expect(await sandbox.git(["for-each-ref", "--format=%(refname)"])).toBe(
      "refs/heads/clauderon/fix\nrefs/heads/main\nrefs/heads/topic\n",
    );
    expect(await sandbox.git(["config", "user.email"])).toBe("test@example.com\n");
    expect(await sandbox.git(["remote", "get-url", "origin"])).toBe("https://example.com/repository.git\n");
    expect((await sandbox.run(["grep", "-r", "secret-token", "."])).stdout).toBe("");
  }, 60_000);

  it("works like any repository: commit, branch, rebase, stash, worktree, fetch, gc, fsck", async () => {
    const world = fixture();
    const { sandbox, record } = await privateSession({ world });
    const { git } = sandbox;
    const generation = await world.provider.mount(record).then(({ gitFile }) => gitFile?.borrows?.[0] ?? "");
    const before = snapshot(generation);
    await sandbox.run(["sh", "-c", "echo work > work.txt"]);
    await git(["add", "work.txt"]);
    await git(["commit", "--quiet", "-m", "Work"]);
    await git(["switch", "--quiet", "-c", "other", "main"]);
    await sandbox.run(["sh", "-c", "echo other > other.txt"]);
    await git(["add", "."]);
    await git(["commit", "--quiet", "-m", "Other"]);
    await git(["rebase", "--quiet", "clauderon/fix"]);
    await git(["switch", "--quiet", "clauderon/fix"]);
    await git(["merge", "--quiet", "--ff-only", "other"]);
    expect(await git(["log", "--format=%s"])).toBe("Other\nWork\nFirst\n");
    await sandbox.run(["sh", "-c", "echo dirty >> a.txt"]);
    await git(["stash"]);
    expect(await git(["status", "--porcelain"])).toBe("");
    await git(["stash", "pop"]);
    expect(await git(["status", "--porcelain"])).toBe(" M a.txt\n");
    // In one namespace, as the second worktree lies where only this sandbox sees it.
    const linked = await sandbox.run([
      "sh",
      "-ec",
      "git worktree add -q ../linked -b linked && cd ../linked && echo more > more.txt && git add . && git commit -q -m More && git status --porcelain && git log -1 --format=%s",
    ]);
    expect(linked).toMatchObject({ exitCode: 0, stdout: "More\n" });
    await git(["worktree", "prune"]);
    await git(["fetch"]);
    await git(["gc", "--quiet", "--prune=now"]);
    expect(await git(["fsck", "--full"])).toBe("");
    expect(await git(["log", "--format=%s", "linked"])).toBe("More\nOther\nWork\nFirst\n");
    expect(snapshot(generation)).toEqual(before);
    // Nothing of it reached the user's repository.
    expect(world.git(["for-each-ref", "--format=%(refname)"])).toBe("refs/heads/clauderon/fix\nrefs/heads/main\n");
    expect(world.git(["status", "--porcelain"])).toBe("");
  }, 120_000);

  it("neither the daemon's git directory, nor other sessions, nor what the repository took back can be read or written", async () => {
    const world = fixture();
    commitFile(world, { "reset.txt": "secret: reset away\n" });
    world.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    const { sandbox, record } = await privateSession({ world });
    const objects = await sandbox.git(["cat-file", "--batch-all-objects", "--batch"]);
    expect(objects).not.toContain("secret: reset away");
    const places = await sandbox.run(["find", world.root, "-maxdepth", "5", "-name", "outside"]);
    expect(places.stdout).toBe("");
    expect((await sandbox.run(["rm", "-f", ".git"])).exitCode).not.toBe(0);
    expect((await sandbox.run(["mv", ".git", "elsewhere"])).exitCode).not.toBe(0);
    expect((await sandbox.run(["sh", "-c", "echo x > .git"])).exitCode).not.toBe(0);
    const { gitFile } = await world.provider.mount(record);
    expect((await sandbox.run(["touch", join(gitFile?.borrows?.[0] ?? "", "x")])).exitCode).not.toBe(0);
    expect(readFileSync(join(record.path, ".git"), "utf8")).toBe(`gitdir: ${record.privateDirectory ?? ""}/outside\n`);
  }, 60_000);

  it("has what is uncommitted in the user's checkout: staged as staged, the rest as it is", async () => {
    const world = fixture();
    world.write({ "a.txt": "staged\n" });
    world.git(["add", "a.txt"]);
    world.write({ "a.txt": "staged, then changed\n", "b.txt": "changed\n", "new.txt": "new\n" });
    const { sandbox, host } = await privateSession({ world, withChanges: true });
    expect(await sandbox.git(["status", "--porcelain"])).toBe("MM a.txt\n M b.txt\n?? new.txt\n");
    expect(await sandbox.git(["show", ":a.txt"])).toBe("staged\n");
    expect(host(["status", "--porcelain"])).toBe("MM a.txt\n M b.txt\n?? new.txt\n");
    await sandbox.git(["commit", "--quiet", "-m", "Staged"]);
    expect(await sandbox.git(["fsck", "--full"])).toBe("");
  }, 60_000);
});

it("the user's git works in the worktree as soon as it is made", async () => {
  const world = fixture();
  const { record, host } = await privateSession({ world });
  expect(host(["status", "--porcelain=v2", "--branch"])).toContain("# branch.head clauderon/fix\n");
  expect(host(["status", "--porcelain"])).toBe("");
  expect(host(["log", "--format=%s"])).toBe("First\n");
  expect(world.git(["rev-parse", "clauderon/fix"]).trim()).toBe(record.base);
  expect(existsSync(join(world.repository, ".git", "worktrees"))).toBe(false);
}, 60_000);
