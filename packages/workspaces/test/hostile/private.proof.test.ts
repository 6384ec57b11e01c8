import { join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { corpus, dealt, makeStage, placed } from "./corpus.ts";
import type { Scene } from "./scene.ts";
import type { Vector } from "./vector.ts";
import { withstand } from "./withstand.ts";

const HANDS = 3;

const stage = makeStage();
afterAll(stage.strike);

/** What an agent does in its worktree needs a sandbox: what is left is the repository's, and what the agent can write into its git directory. */
const prepared = corpus.filter((vector) => vector.armWorkspace === undefined && vector.isAlone !== true);

/** The same settings, and every hook, in the sandbox's git directory besides. */
function inTheSandbox(vector: Vector): Vector {
  const armWorkspace = (scene: Scene): void => {
    const inside = join(scene.root, "home", "private", "session-fix", "inside");
    for (const { settings } of prepared)
      if (settings !== undefined) scene.configure(settings(scene), join(inside, "config"));
    for (const hook of ["reference-transaction", "post-checkout", "post-index-change", "pre-commit", "post-merge"])
      scene.hook(hook, join(inside, "hooks"));
    scene.forget();
  };
  return { ...vector, armWorkspace };
}

describe("a hostile repository and a hostile git directory of a private workspace", () => {
  it("are many: in ones that are not hostile everything is done", { timeout: 120_000 }, async () => {
    const none = { name: "none", fire: () => undefined };
    const { canaries, failures, results } = await withstand(stage.scene(), none, { isPrivate: true });
    expect({ canaries, failures, results }).toEqual({
      canaries: [],
      failures: {},
      results: ["merge.conflict", "done"],
    });
    expect(prepared.length).toBeGreaterThan(40);
  });

  it.each(dealt(prepared, HANDS))("$name: nothing of it runs", { timeout: 120_000 }, async (vector) => {
    const { canaries, failures } = await withstand(stage.scene(), inTheSandbox(placed(vector, "repository")), {
      isPrivate: true,
    });
    expect({ canaries, failures }).toEqual({ canaries: [], failures: {} });
  });
});
