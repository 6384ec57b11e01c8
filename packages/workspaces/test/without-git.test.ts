import { readdirSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { errorWith, fixture, leftovers, made, snapshot, withoutGit } from "./git-fixture.ts";
import { gitServer } from "./git-server.ts";
import { commitFile, everyBlob, everyObject, generations } from "./mirror-fixture.ts";

describe("on a machine without git", { timeout: 60_000 }, () => {
  test("repositories are found, cloned and mirrored by isomorphic-git; with git they go on as they are", async () => {
    const world = fixture();
    const bare = world.providerWith({ environment: withoutGit(world) });
    const { url } = await gitServer({ root: world.root });
    commitFile(world, { "secret.txt": "secret\n" });
    world.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    const head = world.git(["rev-parse", "HEAD"]).trim();
    const info = await bare.resolve(join(world.repository, "deep"));
    expect(info).toEqual(await world.provider.resolve(world.repository));

    const clone = await bare.resolve(`${url}/repository/.git`);
    expect(clone).toMatchObject({ head, branch: "main" });
    commitFile(world, { "new.txt": "new\n" });
    const fetched = await world.provider.resolve(`${url}/repository/.git`);
    expect(fetched).toEqual({ ...clone, head: world.git(["rev-parse", "HEAD"]).trim() });
    expect(await bare.resolve(`${url}/repository/.git`)).toEqual(fetched);

    const request = { sessionId: "one", commonDirectory: info.commonDirectory, commits: [head] };
    const { directory } = await bare.mirrors.borrow(request);
    expect(everyBlob(world, directory)).toContain("new\n");
    expect(everyBlob(world, directory)).not.toContain("secret\n");
    expect(world.git([`--git-dir=${directory}`, "fsck", "--full", "--strict"], world.root)).toBe("");
    // The next one shares its packs, whoever makes it.
    commitFile(world, { "newer.txt": "newer\n" });
    const next = await bare.mirrors.borrow({ ...request, sessionId: "two" });
    expect(generations(world)).toHaveLength(2);
    expect(new Set(packs(next.directory)).isSupersetOf(new Set(packs(directory)))).toBe(true);
    commitFile(world, { "newest.txt": "newest\n" });
    const last = await world.provider.mirrors.borrow({ ...request, sessionId: "three" });
    expect(new Set(packs(last.directory)).isSupersetOf(new Set(packs(next.directory)))).toBe(true);
    expect(everyObject(world, last.directory)).toContain(world.git(["rev-parse", "HEAD:newest.txt"]).trim());
    for (const sessionId of ["one", "two", "three"]) await bare.mirrors.release(sessionId);
  });

  test("a worktree is neither planned nor made, and one that is there is not touched", async () => {
    const world = fixture();
    const { record, request } = await made(world, { name: "kept" });
    world.write({ "work.txt": "not committed\n" }, record.path);
    const bare = world.providerWith({ environment: withoutGit(world) });
    const before = snapshot(record.path);
    const left = leftovers(world);
    const repository = await bare.resolve(world.repository);
    const needsGit = errorWith("command.not-found");
    const other = { ...request, repository, sessionId: "other", name: "other" };
    await expect(bare.plan(other)).rejects.toEqual(needsGit);
    await expect(bare.status(record)).rejects.toEqual(needsGit);
    await expect(bare.diff(record)).rejects.toEqual(needsGit);
    const { sessionId } = request;
    const undo = { at: "2026-01-01T00:00:00.000Z", session: {} };
    for (const call of [{ sessionId }, { sessionId, force: true }, { sessionId, force: true, undo }])
      await expect(bare.remove(record, call)).rejects.toEqual(needsGit);
    expect((await Array.fromAsync(bare.list())).map(({ name, exists }) => [name, exists])).toEqual([["kept", true]]);
    expect(snapshot(record.path)).toEqual(before);
    expect(leftovers(world)).toEqual(left);
    await world.provider.remove(record, { sessionId, force: true });
  });

  test("what isomorphic-git cannot do is refused, with what to do", async () => {
    const world = fixture();
    const bare = world.providerWith({ environment: withoutGit(world) });
    const repositories: Readonly<Record<string, readonly string[]>> = {
      "SHA-256": ["init", "--quiet", "--object-format=sha256", "sha256"],
      "borrowed objects": ["clone", "--quiet", "--shared", world.repository, "shared"],
    };
    for (const args of Object.values(repositories)) world.git(args, world.root);
    const reftable = join(world.root, "reftable");
    world.git(["clone", "--quiet", world.repository, reftable], world.root);
    world.git(["config", "core.repositoryformatversion", "1"], reftable);
    world.git(["config", "extensions.refstorage", "reftable"], reftable);
    const refused = [
      ...["sha256", "shared", "reftable"].map((name) => join(world.root, name)),
      "ssh://git@host.example/repository.git",
      "git@host.example:repository.git",
      `file://${world.repository}`,
    ];
    for (const place of refused) {
      const error: unknown = await bare.resolve(place).catch((reason: unknown) => reason);
      expect([place, error]).toEqual([place, errorWith("command.not-found")]);
      expect([place, String((error as { why?: string }).why)]).toEqual([
        place,
        expect.stringContaining("isomorphic-git"),
      ]);
    }
    const names = [
      ...Object.keys(repositories),
      "reftables",
      "objects of partial clones",
      "ssh and file:// addresses",
      "worktrees",
    ];
    process.stdout.write(`isomorphic-git cannot, and refuses: ${names.join(", ")}\n`);
    expect(readdirSync(join(world.home, "repositories"))).toEqual([]);
  });
});

function packs(generation: string): readonly string[] {
  return readdirSync(join(generation, "objects", "pack")).filter((name) => name.endsWith(".pack"));
}
