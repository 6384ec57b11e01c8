import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { fixture } from "./git-fixture.ts";
import { liveWhole, ofWorkTree } from "./whole-life.ts";

const hasLfs = spawnSync("git", ["lfs", "version"], { stdio: "ignore" }).status === 0;

/** Each from its creation to its end: made, read, kept, merged, applied, put away, deleted and brought back. */
describe("a session of", () => {
  it("a plain repository", async () => {
    const world = fixture();
    await liveWhole(world, ofWorkTree(world.repository));
  });

  it("a bare repository: what is applied has no place there", async () => {
    const world = fixture();
    const bare = join(world.root, "bare.git");
    world.git(["clone", "--quiet", "--bare", world.repository, bare]);
    const merge = { into: "main" };
    await liveWhole(world, { from: bare, commonDirectory: bare, merge, refused: { apply: "merge.refused" } });
  });

  it("a shallow clone", async () => {
    const world = fixture();
    world.git(["commit", "--quiet", "--allow-empty", "-m", "Second"]);
    const shallow = join(world.root, "shallow");
    world.git(["clone", "--quiet", "--depth=1", `file://${world.repository}`, shallow]);
    await liveWhole(world, ofWorkTree(shallow));
    expect(world.git(["rev-parse", "--is-shallow-repository"], shallow)).toBe("true\n");
  });

  it("a partial clone: isolated sessions are told how to complete it", async () => {
    const world = fixture();
    world.git(["config", "uploadpack.allowFilter", "true"]);
    world.write({ "a.txt": "second\n" });
    world.git(["commit", "--quiet", "--all", "-m", "Second"]);
    const partial = join(world.root, "partial");
    world.git(["clone", "--quiet", "--filter=blob:none", `file://${world.repository}`, partial]);
    await liveWhole(world, ofWorkTree(partial, { refused: { borrow: "repository.failed" } }));
  });

  it("a repository with SHA-256", async () => {
    const world = fixture({ initArgs: ["--object-format=sha256"] });
    await liveWhole(world, ofWorkTree(world.repository));
  });

  it("a sparse checkout: into it nothing is merged", async () => {
    const world = fixture();
    world.write({ "other/d.txt": "four\n" });
    world.git(["add", "."]);
    world.git(["commit", "--quiet", "-m", "Second"]);
    world.git(["sparse-checkout", "set", "--cone", "deep"]);
    const look = (path: string): void => expect(existsSync(join(path, "other"))).toBe(false);
    const refused = { merge: "merge.refused", apply: "merge.refused" };
    await liveWhole(world, ofWorkTree(world.repository, { look, refused }));
  });

  it("a submodule", async () => {
    const { world, outer } = withSubmodule();
    const commonDirectory = join(outer, ".git", "modules", "inner");
    await liveWhole(world, { from: join(outer, "inner"), commonDirectory });
  });

  it("what contains a submodule, which is not filled in", async () => {
    const { world, outer } = withSubmodule();
    const look = (path: string): void => expect(existsSync(join(path, "inner", "a.txt"))).toBe(false);
    await liveWhole(world, ofWorkTree(outer, { look }));
  });

  it("a linked worktree of the user's", async () => {
    const world = fixture();
    const linked = join(world.root, "linked");
    world.git(["worktree", "add", "--quiet", "-b", "linked", linked]);
    await liveWhole(world, { from: linked, commonDirectory: join(world.repository, ".git") });
  });

  it.skipIf(!hasLfs)("a repository with LFS files, as the user has set it up", async () => {
    const world = fixture();
    world.git(["config", "--global", "filter.lfs.clean", "git-lfs clean -- %f"]);
    world.git(["config", "--global", "filter.lfs.smudge", "git-lfs smudge -- %f"]);
    world.git(["config", "--global", "filter.lfs.process", "git-lfs filter-process"]);
    world.git(["config", "--global", "filter.lfs.required", "true"]);
    world.write({ ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "big.bin": "big\n" });
    world.git(["add", "."]);
    world.git(["commit", "--quiet", "-m", "LFS"]);
    expect(world.git(["show", "HEAD:big.bin"])).toContain("git-lfs");
    const look = (path: string): void => expect(readFileSync(join(path, "big.bin"), "utf8")).toBe("big\n");
    await liveWhole(world, ofWorkTree(world.repository, { look }));
  });

  it("a repository with names that differ in their case alone", async () => {
    const world = fixture();
    world.write({ "A.TXT": "upper\n", "Deep/C.txt": "upper\n" });
    world.git(["add", "."]);
    world.git(["commit", "--quiet", "-m", "Collisions"]);
    const look = (path: string): void => expect(readFileSync(join(path, "A.TXT"), "utf8")).toBe("upper\n");
    await liveWhole(world, ofWorkTree(world.repository, { look }));
  });
});

function withSubmodule(): { readonly world: ReturnType<typeof fixture>; readonly outer: string } {
  const world = fixture();
  const outer = join(world.root, "outer");
  world.git(["init", "--quiet", outer]);
  world.write({ "a.txt": "one\n", ".gitignore": "ignored*\n" }, outer);
  world.git(["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", world.repository, "inner"], outer);
  world.git(["add", "."], outer);
  world.git(["commit", "--quiet", "-m", "Outer"], outer);
  return { world, outer };
}
