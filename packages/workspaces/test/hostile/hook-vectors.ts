import { join } from "node:path";

import type { Fired, Scene } from "./scene.ts";
import { change, type Vector } from "./vector.ts";

function hook(name: string, fire: readonly string[] | ((scene: Scene) => Fired)): Vector {
  return {
    name: `hook ${name}`,
    arm: (scene) => scene.hook(name),
    fire: (scene) => {
      change(scene, scene.repository);
      return typeof fire === "function" ? fire(scene) : scene.plain(fire);
    },
  };
}

const commit = ["commit", "--quiet", "-a", "-m", "Commit"];

const pushInto = (scene: Scene): Fired =>
  scene.plain(["push", `file://${scene.repository}`, "HEAD:refs/heads/pushed"], { cwd: scene.origin });

/** Programs that git finds by their place. */
export const hookVectors: readonly Vector[] = [
  hook("post-checkout", ["checkout", "--quiet", "-f", "side"]),
  hook("post-index-change", ["add", "."]),
  hook("reference-transaction", ["branch", "new"]),
  hook("pre-commit", commit),
  hook("prepare-commit-msg", commit),
  hook("commit-msg", commit),
  hook("post-commit", commit),
  hook("post-rewrite", ["commit", "--amend", "--quiet", "-a", "-m", "Amended"]),
  hook("pre-merge-commit", (scene) => {
    scene.plain(["checkout", "--quiet", "-f", "main"]);
    return scene.plain(["merge", "--strategy=ours", "--no-edit", "side"]);
  }),
  hook("post-merge", (scene) => {
    scene.plain(["checkout", "--quiet", "-f", "main"]);
    return scene.plain(["merge", "--strategy=ours", "--no-edit", "side"]);
  }),
  hook("pre-rebase", (scene) => {
    scene.plain(["checkout", "--quiet", "-f", "main"]);
    return scene.plain(["rebase", "side"]);
  }),
  hook("pre-push", (scene) => scene.plain(["push", scene.origin, "HEAD:refs/heads/pushed"])),
  hook("pre-auto-gc", (scene) => {
    const objects = join(scene.repository, ".git", "objects", "17");
    for (const digit of ["0", "1"]) scene.write(join(objects, digit.repeat(38)), "");
    return scene.plain(["-c", "gc.auto=1", "gc", "--auto"]);
  }),
  hook("pre-receive", pushInto),
  hook("update", pushInto),
  hook("post-receive", pushInto),
  hook("post-update", pushInto),
  {
    name: "hooks in the tree (core.hooksPath, relative)",
    settings: () => "[core]\n\thooksPath = .hooks",
    arm: (scene) => {
      for (const name of ["post-checkout", "post-index-change", "reference-transaction"]) {
        scene.hook(name, join(scene.repository, ".hooks"));
        scene.git(["add", `.hooks/${name}`]);
      }
      scene.git(["commit", "--quiet", "-m", "Hooks"]);
    },
    fire: (scene) => {
      change(scene, scene.repository);
      return scene.plain(["add", "."]);
    },
  },
  {
    name: "hooks of a template directory in the environment",
    environment: (scene) => {
      for (const name of ["post-checkout", "reference-transaction"]) scene.hook(name, `${scene.root}/template/hooks`);
      return { GIT_TEMPLATE_DIR: `${scene.root}/template` };
    },
    fire: (scene) => {
      const environment = { GIT_TEMPLATE_DIR: `${scene.root}/template` };
      scene.hook("reference-transaction", `${scene.root}/template/hooks`);
      scene.plain(["init", "--quiet", "made"], { cwd: scene.root, environment });
      return scene.plain(["commit", "--quiet", "--allow-empty", "-m", "x"], { cwd: `${scene.root}/made` });
    },
  },
];
