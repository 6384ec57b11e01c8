import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { afterAll, describe, expect, test } from "vitest";

import { performWork } from "../../src/repository/isomorphic/perform-work.ts";
import { requireSupported } from "../../src/repository/isomorphic/require-supported.ts";
import { runWork } from "../../src/repository/isomorphic/run-work.ts";
import { nodeFileSystem } from "../../src/workspace-file-system.ts";
import { everyObject } from "../mirror-fixture.ts";
import { portOf } from "../port-fixture.ts";
import { corpus, dealt, makeStage, placed } from "./corpus.ts";
import { layoutVectors, type Neighbours, neighbours } from "./isomorphic-vectors.ts";
import { SECRET } from "./scene.ts";

const stage = makeStage();
afterAll(stage.strike);

/** Everything that is done to a repository, as far as it goes; what was seen, and what failed. */
async function everything(repository: string, { world }: Pick<Neighbours, "world">): Promise<string> {
  const port = portOf("isomorphic-git", world);
  const into = join(world.root, "generation.git");
  world.git(["init", "--quiet", "--bare", "--template=", into], world.root);
  mkdirSync(join(into, "objects", "pack"), { recursive: true });
  const seen: unknown[] = [];
  const attempt = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      seen.push(await work());
    } catch (error) {
      expect(error).toEqual(expect.objectContaining({ fix: expect.arrayContaining([expect.any(String)]) }));
      seen.push(JSON.stringify(error));
    }
  };
  await attempt(() => port.locate({ path: repository, directory: repository }));
  const from = join(repository, ".git");
  await attempt(async () => {
    await requireSupported(nodeFileSystem, from);
    const refs = await performWork({ kind: "listRefs", gitDirectory: from });
    seen.push(refs);
    const tips = (refs as readonly { readonly object: string }[]).map(({ object }) => object);
    await performWork({ kind: "pack", from, into, tips, without: [] });
  });
  const packs = readdirSync(join(into, "objects", "pack")).filter((name) => name.endsWith(".idx"));
  return `${JSON.stringify(seen)} ${packs.length === 0 ? "" : [...everyObject(world, into)].join(" ")}`;
}

describe("isomorphic-git", () => {
  test.each(layoutVectors)("is not led out by $name", { timeout: 60_000 }, async (vector) => {
    const places = neighbours();
    vector.arm(places);
    const { secretBlob, secretCommit, world } = places;
    // Left alone it is: the test could fail.
    if (vector.plain !== undefined) {
      const shown = await vector.plain(places);
      expect([secretCommit, SECRET].some((secret) => shown.includes(secret))).toBe(true);
    }
    const seen = await everything(world.repository, places);
    for (const secret of [SECRET, secretBlob, `"object":"${secretCommit}"`, `"head":"${secretCommit}"`])
      expect(seen).not.toContain(secret);
  });

  test.each(dealt(corpus, 2))("$name: nothing of it runs", { timeout: 60_000 }, async (vector) => {
    const scene = stage.scene();
    placed(vector, "repository").arm?.(scene);
    expect(scene.hasRun()).toBe(false);
    const places = neighbours();
    const seen = await everything(scene.repository, places);
    expect(scene.hasRun()).toBe(false);
    expect(seen).not.toContain(SECRET);
    expect(seen).toContain("refs/heads/main");
  });

  test("gives up when its caller does", { timeout: 60_000 }, async () => {
    const { gitDirectory } = neighbours();
    const controller = new AbortController();
    const reason = new Error("enough");
    const working = runWork({ kind: "listRefs", gitDirectory }, { signal: controller.signal });
    controller.abort(reason);
    await expect(working).rejects.toBe(reason);
  });
});
