import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";

import fc from "fast-check";
import { expect, it } from "vitest";

import { type Fixture, fixture, made } from "./git-fixture.ts";
import { type Act, acts, perform, prepare } from "./random-workspace.ts";
import { farSandbox } from "./remote-fixture.ts";

const numRuns = process.env["CLAUDERON_DEEP"] === "1" ? 200 : 3;

/** Repositories of their own and flags of the index do not travel; nor do empty directories, which no status tells of. */
const stays: ReadonlySet<Act["act"]> = new Set(["nested", "submodule", "worktreeRef", "assume", "skip", "intend"]);

/** What git could tell apart, of every file; bytes, held one per character. */
function faces(directory: string): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (path: Buffer, name: string): void => {
    const status = lstatSync(path);
    if (status.isSymbolicLink()) found[name] = `-> ${readlinkSync(path)}`;
    else if (!status.isDirectory())
      found[name] = `${(status.mode & 0o100) === 0 ? "-" : "x"} ${readFileSync(path, "base64")}`;
    else
      for (const child of readdirSync(path, { encoding: "latin1" }))
        if (name !== "" || child !== ".git")
          visit(Buffer.concat([path, Buffer.from("/"), Buffer.from(child, "latin1")]), `${name}/${child}`);
  };
  visit(Buffer.from(directory), "");
  return found;
}

function told(world: Fixture, workTree: string): Record<string, string> {
  const ask = (...args: readonly string[]): string =>
    execFileSync("git", args, { cwd: workTree, env: world.environment, encoding: "latin1" });
  return {
    status: ask("status", "--porcelain=v2", "--branch", "--untracked-files=all", "-z"),
    index: ask("ls-files", "--stage", "-z"),
  };
}

it("whatever was done inside is here afterwards, and inside another sandbox", async () => {
  const world = fixture();
  prepare(world);
  await fc.assert(
    fc.asyncProperty(acts, async (list) => {
      const sessionId = randomUUID();
      const { record } = await made(world, { sessionId, name: `s-${sessionId}`, isRemote: true });
      const [one, other] = [farSandbox(world, `one-${sessionId}`), farSandbox(world, `other-${sessionId}`)];
      await world.provider.send(record, one);
      for (const act of list) if (!stays.has(act.act)) await perform(world, one.workspacePath, act);
      const before = [faces(one.workspacePath), told(world, one.workspacePath)];
      await world.provider.sync(record, one, { isLast: true, ignoredLimitBytes: Infinity });
      expect([faces(record.path), told(world, record.path)]).toEqual(before);
      expect([faces(one.workspacePath), told(world, one.workspacePath)]).toEqual(before);
      const stashes = await one.git("stash", "list", "--format=%H");
      await world.provider.send(record, other);
      expect([faces(other.workspacePath), told(world, other.workspacePath)]).toEqual(before);
      expect(await other.git("stash", "list", "--format=%H")).toBe(stashes);
      await other.git("fsck", "--strict");
      await world.provider.remove(record, { sessionId, force: true });
      for (const name of [`one-${sessionId}`, `other-${sessionId}`])
        rmSync(join(world.root, name), { recursive: true, force: true });
      const refs = world.git(["for-each-ref", "--format=%(refname)", "refs/heads/clauderon"]).split("\n");
      for (const ref of refs) if (ref !== "") world.git(["update-ref", "-d", ref]);
    }),
    { numRuns },
  );
}, 1_200_000);
