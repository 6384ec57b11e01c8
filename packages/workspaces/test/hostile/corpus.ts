import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { configurationVectors } from "./configuration-vectors.ts";
import { hookVectors } from "./hook-vectors.ts";
import { layoutVectors } from "./layout-vectors.ts";
import { makeScene, makeTemplate, type Scene, SECRET } from "./scene.ts";
import { environmentVectors, transportVectors } from "./transport-vectors.ts";
import type { Vector } from "./vector.ts";
import { type Outcome, withstand } from "./withstand.ts";

export const corpus: readonly Vector[] = [
  ...configurationVectors,
  ...hookVectors,
  ...layoutVectors,
  ...transportVectors,
  ...environmentVectors,
];

/** Where the settings of a vector are put. */
export const placements = ["repository", "worktree", "included"] as const;
export type Placement = (typeof placements)[number];

/** A vector whose settings are armed in that place. */
export function placed(vector: Vector, placement: Placement): Vector {
  const { settings } = vector;
  if (settings === undefined) return vector;
  const arm = (scene: Scene): void => {
    vector.arm?.(scene);
    const text = settings(scene);
    const gitDirectory = join(scene.repository, ".git");
    if (placement === "repository") return scene.configure(text);
    const file = placement === "included" ? join(scene.root, "settings") : join(gitDirectory, "config.worktree");
    scene.configure(text, file);
    scene.configure(placement === "included" ? `[include]\n\tpath = ${file}` : "[extensions]\n\tworktreeConfig = true");
  };
  const armed = { ...vector, settings: undefined, arm };
  if (placement !== "worktree") return armed;
  const armWorkspace = (scene: Scene): void => {
    vector.armWorkspace?.(scene);
    const parent = join(scene.repository, ".git", "worktrees");
    for (const name of readdirSync(parent)) scene.configure(settings(scene), join(parent, name, "config.worktree"));
  };
  return { ...armed, armWorkspace };
}

/** Vectors that stand in one repository together, dealt out so that the neighbours of the tables are apart. */
export function dealt(vectors: readonly Vector[], hands: number): readonly Vector[] {
  const together = vectors.filter(({ isAlone }) => isAlone !== true);
  return Array.from({ length: hands }, (_, hand): Vector => {
    const dealtOut = together.filter((_vector, index) => index % hands === hand);
    return {
      name: `${String(dealtOut.length)} vectors, ${dealtOut[0]?.name ?? ""} to ${dealtOut.at(-1)?.name ?? ""}`,
      // Plain git arms some, and sets off what is armed already: that is forgotten.
      arm: (scene) => {
        for (const vector of dealtOut) vector.arm?.(scene);
        for (const { settings } of dealtOut) if (settings !== undefined) scene.configure(settings(scene));
        scene.forget();
      },
      armWorkspace: (scene) => {
        for (const vector of dealtOut) vector.armWorkspace?.(scene);
        scene.forget();
      },
      environment: (scene) => Object.assign({}, ...dealtOut.map((vector) => vector.environment?.(scene) ?? {})),
      fire: () => undefined,
    };
  });
}

/** Directories for the scenes of a test file. */
export function makeStage(): { readonly scene: () => Scene; readonly strike: () => void } {
  const stage = realpathSync(mkdtempSync(join(tmpdir(), "clauderon-hostile-")));
  const template = join(stage, "template");
  makeTemplate(template);
  let count = 0;
  return {
    scene: () => {
      count += 1;
      return makeScene(template, join(stage, String(count)));
    },
    strike: () => rmSync(stage, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** Whether plain git falls for the vector. */
export function fires(scene: Scene, vector: Vector): boolean {
  vector.arm?.(scene);
  if (vector.armWorkspace !== undefined) {
    const quiet = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"];
    scene.git([...quiet, "worktree", "add", "--quiet", "-b", "work", scene.workspace]);
    vector.armWorkspace(scene);
  }
  const fired = vector.fire(scene);
  return scene.hasRun() || fired?.output.includes(SECRET) === true;
}

/** Withstands the vector, and looks that nothing outside was touched. */
export async function outcomeOf(scene: Scene, vector: Vector): Promise<Outcome> {
  const outcome = await withstand(scene, vector);
  const names = readdirSync(scene.outside).join(" ");
  const isWhole = names === "secret.txt" && readFileSync(join(scene.outside, names), "utf8") === `${SECRET}\n`;
  return isWhole ? outcome : { ...outcome, canaries: [...outcome.canaries, "files outside were changed"] };
}
