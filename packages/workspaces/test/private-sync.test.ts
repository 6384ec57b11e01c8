import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { errorWith } from "./git-fixture.ts";
import { commitFile } from "./mirror-fixture.ts";
import { canary, privateSession, type PrivateSession, whyNoMounts } from "./private-fixture.ts";

if (whyNoMounts !== undefined) process.stdout.write(`${whyNoMounts}\n`);

/** `git status` inside and on this machine say the same. */
async function expectSame({ sandbox, host }: PrivateSession): Promise<void> {
  const status = ["status", "--porcelain=v2", "--branch", "--no-ahead-behind"];
  expect(host(status)).toBe(await sandbox.git(status));
  const staged = ["diff", "--cached"];
  expect(host(staged)).toBe(await sandbox.git(staged));
}

/** Commits files inside. */
async function commitInside({ sandbox }: PrivateSession, name: string, text: string): Promise<string> {
  await sandbox.run(["sh", "-ec", 'printf %s "$2" > "$1"', "write", name, text]);
  await sandbox.git(["add", "--", name]);
  await sandbox.git(["commit", "--quiet", "-m", name]);
  return (await sandbox.git(["rev-parse", "HEAD"])).trim();
}

describe.skipIf(whyNoMounts !== undefined)("what comes out of a sandbox", () => {
  it("HEAD, branches and index follow: commits, what is staged, deleted, new and changed", async () => {
    const session = await privateSession();
    const commit = await commitInside(session, "work.txt", "work\n");
    const { sandbox, host, record, world } = session;
    await sandbox.git(["branch", "kept", "HEAD~1"]);
    await sandbox.run([
      "sh",
      "-ec",
      "echo staged > staged.txt; git add staged.txt; echo more >> staged.txt; git rm -q a.txt; echo new > new.txt; echo x >> b.txt",
    ]);
    expect(await session.sync()).toEqual({ head: commit, branch: "clauderon/fix", hostBranches: [], notices: [] });
    await expectSame(session);
    expect(host(["show", ":staged.txt"])).toBe("staged\n");
    expect(host(["branch", "--format=%(refname:short)"])).toBe("clauderon/fix\nkept\nmain\n");
    expect(host(["fsck", "--full", "--no-dangling"])).toBe("");
    // The user's own branch waits for a merge.
    expect(world.git(["rev-parse", "clauderon/fix"]).trim()).toBe(record.base);

    await sandbox.git(["switch", "--quiet", "--force", "-c", "next"]);
    await sandbox.git(["branch", "-D", "kept"]);
    await session.sync();
    await expectSame(session);
    expect(host(["branch", "--format=%(refname:short)"])).toBe("clauderon/fix\nmain\nnext\n");
    await sandbox.git(["commit", "--quiet", "--amend", "-m", "Amended"]);
    await sandbox.git(["switch", "--quiet", "--detach"]);
    await session.sync();
    await expectSame(session);
  }, 120_000);

  it("a branch makes room for one below its name, and the other way round", async () => {
    const session = await privateSession();
    const { sandbox, host } = session;
    const branches = (): string => host(["branch", "--format=%(refname:short)"]);
    await sandbox.git(["branch", "part"]);
    await session.sync();
    await sandbox.git(["branch", "-D", "part"]);
    await sandbox.git(["branch", "part/one"]);
    await session.sync();
    expect(branches()).toBe("clauderon/fix\nmain\npart/one\n");
    await sandbox.git(["branch", "-D", "part/one"]);
    await sandbox.git(["branch", "part"]);
    await session.sync();
    expect(branches()).toBe("clauderon/fix\nmain\npart\n");
  }, 120_000);

  it("a conflict is one outside, too, and its end", async () => {
    const session = await privateSession();
    const { sandbox } = session;
    await sandbox.git(["switch", "--quiet", "-c", "theirs"]);
    await commitInside(session, "a.txt", "theirs\n");
    await sandbox.git(["switch", "--quiet", "clauderon/fix"]);
    await commitInside(session, "a.txt", "ours\n");
    expect((await sandbox.run(["git", "merge", "--quiet", "theirs"])).exitCode).toBe(1);
    await session.sync();
    expect(session.host(["ls-files", "--unmerged"])).toBe(await sandbox.git(["ls-files", "--unmerged"]));
    expect(session.host(["status", "--porcelain"])).toBe("UU a.txt\n");
    await sandbox.run(["sh", "-ec", "echo both > a.txt; git commit -q -a -m Merged"]);
    await session.sync();
    await expectSame(session);
  }, 120_000);

  it("a commit of the user's in the worktree becomes a branch inside, is reported, and nothing is passed over until the sandbox has it", async () => {
    const session = await privateSession();
    const { sandbox, host, record } = session;
    await commitInside(session, "agent.txt", "agent\n");
    await session.sync();
    const mine = commitFile(session.world, { "mine.txt": "mine\n" }, record.path);
    expect((await session.sync()).notices.join("\n")).toContain("git reset host/clauderon/fix");
    const theirs = await commitInside(session, "agent2.txt", "agent 2\n");
    const first = await session.sync();
    expect(first).toMatchObject({ head: theirs, hostBranches: ["clauderon/fix"] });
    expect(first.notices.join("\n")).toContain("git merge host/clauderon/fix");
    expect((await sandbox.git(["rev-parse", "refs/remotes/host/clauderon/fix"])).trim()).toBe(mine);
    expect(host(["rev-parse", "HEAD"]).trim()).toBe(mine);
    expect(await session.sync()).toEqual(first);
    await sandbox.git(["add", "."]);
    await sandbox.git(["commit", "--quiet", "-m", "The same"]);
    await sandbox.git(["merge", "--quiet", "--no-edit", "host/clauderon/fix"]);
    expect(await session.sync()).toMatchObject({ hostBranches: [], notices: [] });
    await expectSame(session);
    expect(host(["log", "--format=%s"])).toContain("mine.txt\n");
  }, 120_000);

  it("what the user has staged in the worktree stays, and so does the branch under it", async () => {
    const session = await privateSession();
    const { host, record, world } = session;
    world.write({ "mine.txt": "mine\n" }, record.path);
    host(["add", "mine.txt"]);
    world.write({ "mine.txt": "mine, changed by the agent\n" }, record.path);
    await commitInside(session, "agent.txt", "agent\n");
    const { notices } = await session.sync();
    expect(notices.join("\n")).toContain("you have staged something");
    expect(host(["show", ":mine.txt"])).toBe("mine\n");
    expect(host(["rev-parse", "HEAD"]).trim()).toBe(record.base);
    host(["reset", "--quiet"]);
    expect((await session.sync()).notices).toEqual([]);
    await expectSame(session);
  }, 120_000);

  it("a branch that the user switched to stays", async () => {
    const session = await privateSession();
    const { host } = session;
    host(["switch", "--quiet", "-c", "own"]);
    const commit = await commitInside(session, "agent.txt", "agent\n");
    expect((await session.sync()).notices.join("\n")).toContain("git switch clauderon/fix");
    expect(host(["symbolic-ref", "--short", "HEAD"])).toBe("own\n");
    expect(host(["rev-parse", "clauderon/fix"]).trim()).toBe(commit);
  }, 120_000);

  it("nothing of the agent's runs when the user and the daemon look: configuration, hooks, and a nested repository as a gitlink", async () => {
    const session = await privateSession();
    const { sandbox, host, record, world } = session;
    const { program, mark } = canary(join(world.root, "canary"));
    // The program is at that path on this machine alone, so that nothing but this machine can leave the mark.
    for (const key of [
      "core.fsmonitor",
      "core.pager",
      "core.editor",
      "diff.external",
      "core.sshCommand",
      "uploadpack.packObjectsHook",
      "filter.x.clean",
    ])
      await sandbox.git(["config", key, program]);
    const script = await sandbox.run([
      "sh",
      "-ec",
      String.raw`git init -q nested; cd nested; git -c user.name=N -c user.email=n@example.com commit -q --allow-empty -m Nested; cd ..; git -c core.fsmonitor=false add nested 2>&1; printf '[submodule "nested"]\n\tpath = nested\n\turl = ./nested\n\tignore = none\n' > .gitmodules; git -c core.fsmonitor=false add .gitmodules; git -c core.fsmonitor=false commit -q -m Gitlink; git -C nested config core.fsmonitor "$1"; echo dirt > nested/dirt`,
      "script",
      program,
    ]);
    expect(script).toMatchObject({ exitCode: 0 });
    for (const key of ["core.fsmonitor", "filter.x.clean"]) await sandbox.git(["config", "--unset", key]);
    await session.sync();
    expect(host(["ls-files", "-t", "nested"])).toBe("S nested\n");
    for (const args of [["status"], ["diff"], ["diff", "HEAD"], ["log", "-p"], ["add", "--update"]]) host(args);
    await world.provider.status(record);
    await world.provider.diff(record);
    expect(existsSync(mark)).toBe(false);
    // Without the mark of the index, plain git goes in and runs it.
    host(["update-index", "--no-skip-worktree", "nested"]);
    host(["-c", "diff.ignoreSubmodules=none", "status"]);
    expect(existsSync(mark)).toBe(true);
  }, 120_000);

  it("a .git that was put in the place of ours is replaced and told", async () => {
    const session = await privateSession();
    writeFileSync(join(session.record.path, ".git"), "gitdir: /somewhere/else\n");
    expect((await session.sync()).notices.join("\n")).toContain("says again");
    expect(readFileSync(join(session.record.path, ".git"), "utf8")).toContain("/outside\n");
  }, 60_000);

  it("a repository in its place is moved aside whole, told and counted as work; where it cannot be, it stays and nothing is done", async () => {
    const session = await privateSession();
    const { world, record, request } = session;
    const file = join(record.path, ".git");
    rmSync(file);
    world.git(["init", "--quiet"], record.path);
    const commit = commitFile(world, { "mine.txt": "mine\n" }, record.path);
    const places = join(record.privateDirectory ?? "", "put-aside");
    writeFileSync(places, "");
    await expect(session.sync()).rejects.toMatchObject({
      code: "workspace.sync-failed",
      fix: expect.arrayContaining([expect.stringContaining("mv ")]),
    });
    expect(world.git(["rev-parse", "HEAD"], record.path).trim()).toBe(commit);
    rmSync(places);
    const place = join(places, "1");
    expect((await session.sync()).notices.join("\n")).toContain(place);
    expect(world.git([`--git-dir=${place}`, "rev-parse", "HEAD"]).trim()).toBe(commit);
    rmSync(join(record.path, "mine.txt"));
    expect(await world.provider.status(record)).toMatchObject({ untracked: 1, files: [place] });
    await expect(world.provider.remove(record, { sessionId: request.sessionId })).rejects.toEqual(
      errorWith("workspace.exists"),
    );
    expect((await session.sync()).notices).toEqual([]);
  }, 60_000);
});

it("a workspace that is gone says so", async () => {
  const session = await privateSession();
  await session.world.provider.undo(session.record, session.request.sessionId);
  await expect(session.sync()).rejects.toEqual(errorWith("workspace.missing"));
}, 60_000);
