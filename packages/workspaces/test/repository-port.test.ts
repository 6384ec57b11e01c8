import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { errorWith, type Fixture, fixture } from "./git-fixture.ts";
import { commitFile, everyObject } from "./mirror-fixture.ts";
import { implementations, portOf } from "./port-fixture.ts";

/** A directory as a generation begins. */
function generation(world: Fixture, name: string): string {
  const path = join(world.root, name);
  world.git(["init", "--quiet", "--bare", "--template=", path], world.root);
  mkdirSync(join(path, "objects", "pack"), { recursive: true });
  return path;
}

/** Everything that a history can hold. */
function fill(world: Fixture): void {
  const { repository } = world;
  const git = (args: readonly string[]): string => world.git(args);
  git(["checkout", "--quiet", "-b", "side"]);
  commitFile(world, { "side.txt": "side\n", "deep/er/x": "x".repeat(5000) });
  git(["checkout", "--quiet", "main"]);
  for (let count = 0; count < 12; count += 1)
    commitFile(world, { "large.txt": `${"same line\n".repeat(2000)}${String(count)}\n` });
  git(["merge", "--quiet", "--no-ff", "-m", "Merge", "side"]);
  writeFileSync(join(repository, "run"), "#!/bin/sh\n", { mode: 0o755 });
  git(["update-index", "--add", "--cacheinfo", `160000,${"1".repeat(40)},module`]);
  git(["add", "run"]);
  git(["commit", "--quiet", "-m", "Modes"]);
  git(["commit", "--quiet", "--allow-empty", "-m", "Nothing"]);
  git(["tag", "light"]);
  git(["tag", "-m", "Annotated", "annotated", "side"]);
  git(["tag", "-m", "Of a tag", "twice", "annotated"]);
  git(["tag", "blob", git(["rev-parse", "main:a.txt"]).trim()]);
  git(["tag", "tree", git(["rev-parse", "main:deep"]).trim()]);
  // Deltas, a packed list of references, and loose ones over it.
  git(["gc", "--quiet", "--aggressive"]);
  commitFile(world, { "after.txt": "after\n" });
  git(["branch", "--force", "side", "main~3"]);
  git(["update-ref", "refs/remotes/origin/main", "main~1"]);
  git(["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"]);
  git(["update-ref", "refs/heads/größe", "main"]);
}

describe.each(implementations)("by %s", (implementation) => {
  const whole = (): { world: Fixture; port: ReturnType<typeof portOf> } => {
    const world = fixture();
    return { world, port: portOf(implementation, world) };
  };

  test("a repository is found from all its places", async () => {
    const { world, port } = whole();
    const { repository, root } = world;
    const git = (args: readonly string[], cwd?: string): string => world.git(args, cwd);
    const find = (directory: string): Promise<unknown> => port.locate({ path: directory, directory });
    const head = git(["rev-parse", "HEAD"]).trim();
    const gitDirectory = join(repository, ".git");
    const main = { gitDirectory, commonDirectory: gitDirectory, workTree: repository, head };
    expect(await find(repository)).toEqual(main);
    expect(await find(join(repository, "deep"))).toEqual(main);
    expect(await find(gitDirectory)).toEqual(main);
    expect(await find(join(gitDirectory, "refs"))).toEqual(main);

    const linked = join(root, "linked");
    git(["worktree", "add", "--quiet", "--detach", linked]);
    git(["commit", "--quiet", "--allow-empty", "-m", "There"], linked);
    expect(await find(linked)).toEqual({
      gitDirectory: join(gitDirectory, "worktrees", "linked"),
      commonDirectory: gitDirectory,
      workTree: linked,
      head: git(["rev-parse", "HEAD"], linked).trim(),
    });

    const bare = join(root, "bare.git");
    git(["clone", "--quiet", "--bare", repository, bare]);
    const found = { gitDirectory: bare, commonDirectory: bare, workTree: undefined, head };
    expect(await find(bare)).toEqual(found);
    expect(await find(join(bare, "objects"))).toEqual(found);

    git(["submodule", "--quiet", "add", repository, "module"]);
    expect(await find(join(repository, "module"))).toMatchObject({ workTree: join(repository, "module"), head });
    git(["pack-refs", "--all"]);
    expect(await find(repository)).toEqual(main);
  });

  test("what is no repository, or has no commit, is said", async () => {
    const { world, port } = whole();
    const empty = join(world.root, "empty");
    world.git(["init", "--quiet", empty]);
    const place = (directory: string): { path: string; directory: string } => ({ path: directory, directory });
    await expect(port.locate(place(empty))).rejects.toEqual(errorWith("repository.empty"));
    await expect(port.locate(place(world.root))).rejects.toEqual(errorWith("repository.not-found"));
  });

  test("references are listed as they are", async () => {
    const { world, port } = whole();
    fill(world);
    const object = (name: string): string => world.git(["rev-parse", name]).trim();
    const ref = (name: string, type: string, target = ""): unknown => ({ name, object: object(name), type, target });
    expect(await port.listRefs(join(world.repository, ".git"))).toEqual([
      ref("refs/heads/größe", "commit"),
      ref("refs/heads/main", "commit"),
      ref("refs/heads/side", "commit"),
      ref("refs/remotes/origin/HEAD", "commit", "refs/remotes/origin/main"),
      ref("refs/remotes/origin/main", "commit"),
      ref("refs/tags/annotated", "tag"),
      ref("refs/tags/blob", "blob"),
      ref("refs/tags/light", "commit"),
      ref("refs/tags/tree", "tree"),
      ref("refs/tags/twice", "tag"),
    ]);
  });

  test("commits that nothing reaches are told from others", async () => {
    const { world, port } = whole();
    fill(world);
    const gitDirectory = join(world.repository, ".git");
    const commit = (name: string): string => world.git(["rev-parse", `${name}^{commit}`]).trim();
    const [main, side, old, root] = [commit("main"), commit("annotated"), commit("main~2"), commit("main~10")];
    const ask = (commits: readonly string[], ...tips: readonly string[]): Promise<ReadonlySet<string>> =>
      port.unreached({ gitDirectory, commits, tips });
    expect(await ask([main, side, old, root], main)).toEqual(new Set());
    expect(await ask([main, side, old, root], side)).toEqual(new Set([main, old, root]));
    expect(await ask([main, side, root], old)).toEqual(new Set([main]));
    expect(await ask([main, side], world.git(["rev-parse", "twice"]).trim())).toEqual(new Set([main]));
    expect(await ask([main])).toEqual(new Set([main]));

    // A replacement and a graft change nothing.
    world.git(["replace", "--graft", root, main]);
    expect(await ask([main], root)).toEqual(new Set([main]));

    // Commits that another repository has.
    const other = generation(world, "other.git");
    const lender = gitDirectory;
    expect(await port.unreached({ gitDirectory: other, lender, commits: [main, side], tips: [side] })).toEqual(
      new Set([main]),
    );
  });

  test("a pack holds what the tips reach and nothing else, and a second one what is missing", async () => {
    const { world, port } = whole();
    fill(world);
    const secret = commitFile(world, { "secret.txt": "taken back\n" });
    world.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    const from = join(world.repository, ".git");
    const into = generation(world, "generation.git");
    const reached = (...tips: readonly string[]): ReadonlySet<string> =>
      new Set(
        world
          .git(["rev-list", "--objects", "--no-object-names", ...tips])
          .split("\n")
          .filter(Boolean),
      );
    const side = world.git(["rev-parse", "side"]).trim();
    const first = await port.pack({ from, into, tips: [side], without: [] });
    expect(first).toMatch(/^pack-[0-9a-f]{40}$/u);
    expect(everyObject(world, into)).toEqual(reached(side));

    const names = ["main", "annotated", "twice", "blob", "tree", "light"];
    const tips = names.map((name) => world.git(["rev-parse", name]).trim());
    const second = await port.pack({ from, into, tips, without: [side] });
    expect(second).not.toBe(first);
    expect(everyObject(world, into)).toEqual(reached(...names, side));
    expect(everyObject(world, into)).not.toContain(secret);
    expect(await port.pack({ from, into, tips, without: [side, ...tips] })).toBeUndefined();

    const gitDirectory = [`--git-dir=${into}`];
    world.git([...gitDirectory, "update-ref", "refs/heads/main", tips[0] ?? ""], world.root);
    world.git([...gitDirectory, "fsck", "--full", "--strict", "--no-dangling"], world.root);
    for (const name of [first, second])
      world.git([...gitDirectory, "verify-pack", join(into, "objects", "pack", `${String(name)}.idx`)], world.root);
  });

  test("a shallow history ends where it ends", async () => {
    const { world, port } = whole();
    fill(world);
    const shallow = join(world.root, "shallow");
    world.git(["clone", "--quiet", "--depth", "3", `file://${world.repository}`, shallow], world.root);
    const from = join(shallow, ".git");
    const into = generation(world, "generation.git");
    cpSync(join(from, "shallow"), join(into, "shallow"));
    const main = world.git(["rev-parse", "HEAD"], shallow).trim();
    await port.pack({ from, into, tips: [main], without: [] });
    const all = world.git(["rev-list", "--objects", "--no-object-names", main], shallow).split("\n").filter(Boolean);
    expect(everyObject(world, into)).toEqual(new Set(all));
    expect(await port.unreached({ gitDirectory: from, commits: [main], tips: [main] })).toEqual(new Set());
  });

  test("a repository that lacks an object gives no pack", async () => {
    const { world, port } = whole();
    const from = join(world.repository, ".git");
    const into = generation(world, "generation.git");
    const blob = world.git(["rev-parse", "HEAD:a.txt"]).trim();
    rmSync(join(from, "objects", blob.slice(0, 2), blob.slice(2)));
    const tips = [world.git(["rev-parse", "HEAD"]).trim()];
    await expect(port.pack({ from, into, tips, without: [] })).rejects.toMatchObject({
      context: { command: "pack-objects", stderr: expect.stringContaining(blob) },
    });
    expect(readdirSync(join(into, "objects", "pack")).filter((name) => name.startsWith("pack-"))).toEqual([]);
  });
});
