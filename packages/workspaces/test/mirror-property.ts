import { join } from "node:path";

import fc from "fast-check";
import { expect } from "vitest";

import { type Fixture, fixture, snapshot } from "./git-fixture.ts";
import { commitFile, everyObject, generations, halves } from "./mirror-fixture.ts";

const branches = ["main", "one", "two", "clauderon/other"] as const;

const acts = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ act: fc.constant("commit" as const), branch: fc.constantFrom(...branches) }) },
    { weight: 2, arbitrary: fc.record({ act: fc.constant("rewind" as const), branch: fc.constantFrom(...branches) }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constant("delete" as const), branch: fc.constantFrom("one", "two") }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constant("merge" as const), branch: fc.constantFrom("one", "two") }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constant("tag" as const), branch: fc.constantFrom(...branches) }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constant("untag" as const), branch: fc.constantFrom(...branches) }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constant("collect" as const), branch: fc.constant("main") }) },
    { weight: 4, arbitrary: fc.record({ act: fc.constant("borrow" as const), branch: fc.constant("main") }) },
  ),
  { minLength: 4, maxLength: 14 },
);

type Act = (typeof acts extends fc.Arbitrary<infer Value> ? Value : never)[number];

/** A repository is worked on at random; each session borrows exactly what is visible then, and keeps exactly that. */
export async function mirrorsShowWhatIsVisible(numRuns: number): Promise<void> {
  const world = fixture();
  const commonDirectory = join(world.repository, ".git");
  let count = 0;
  let sharing = 0;
  await fc.assert(
    fc.asyncProperty(acts, async (list) => {
      const held = new Map<string, Record<string, string>>();
      const { mirrors } = world.provider;
      for (const act of [...list, { act: "borrow", branch: "main" } as const]) {
        count += 1;
        if (act.act !== "borrow") {
          perform(world, act, count);
          continue;
        }
        const before = generations(world).length;
        const { directory } = await mirrors.borrow({ sessionId: `session-${String(count)}`, commonDirectory });
        if (before > 0 && generations(world).length > before) sharing += 1;
        expect(everyObject(world, directory)).toEqual(visible(world));
        expect(world.git([`--git-dir=${directory}`, "fsck", "--full"])).toBe("");
        held.set(directory, content(directory));
      }
      for (const [directory, files] of held) expect(content(directory)).toEqual(files);
      await mirrors.sweep(() => Promise.resolve(new Set()));
      expect([generations(world).length, halves(world)]).toEqual([1, []]);
    }),
    { numRuns },
  );
  expect(sharing).toBeGreaterThan(0);
}

/** All but who borrows it, and how many names a file has. */
function content(directory: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(snapshot(directory, false)).filter(([name]) => !name.includes("/borrowers")),
  );
}

function visible(world: Fixture): ReadonlySet<string> {
  const args = ["rev-list", "--objects", "--no-object-names", "--exclude=clauderon/*", "--branches", "--tags"];
  return new Set(world.git(args).split("\n").filter(Boolean));
}

function perform(world: Fixture, { act, branch }: Act, count: number): void {
  const has = (ref: string): boolean => world.git(["for-each-ref", ref]) !== "";
  const isThere = has(`refs/heads/${branch}`);
  const goTo = (name: string): string => world.git(["switch", "--quiet", "--discard-changes", name]);
  if (act === "collect") {
    world.git(["reflog", "expire", "--expire=now", "--all"]);
    world.git(["gc", "--quiet", "--prune=now"]);
    return;
  }
  if (act === "untag") {
    const [tag] = world.git(["tag"]).split("\n");
    if (tag !== undefined && tag !== "") world.git(["tag", "-d", tag]);
    return;
  }
  if (!isThere && act !== "commit") return;
  if (act === "delete") {
    goTo("main");
    world.git(["branch", "-D", branch]);
  } else if (act === "tag") {
    world.git([
      "tag",
      ...(count % 2 === 0 ? ["-a", "-m", `Tag ${String(count)}`] : []),
      `tag-${String(count)}`,
      branch,
    ]);
  } else if (act === "merge") {
    goTo("main");
    world.git(["merge", "--quiet", "--no-edit", "-X", "theirs", branch]);
  } else {
    if (isThere) goTo(branch);
    else world.git(["switch", "--quiet", "--discard-changes", "-c", branch, "main"]);
    if (act === "commit") commitFile(world, { [`file-${String(count % 7)}.txt`]: `${String(count)}\n` });
    else if (world.git(["rev-list", "--count", "HEAD"]) !== "1\n") world.git(["reset", "--quiet", "--hard", "HEAD~1"]);
  }
}
