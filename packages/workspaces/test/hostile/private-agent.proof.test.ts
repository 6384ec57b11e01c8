import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { WorkspaceMount } from "@clauderon/core/contract";
import { afterAll, describe, expect, it } from "vitest";

import { whyNoMounts } from "../private-fixture.ts";
import { agentScene, enterSandbox } from "./agent-scene.ts";
import { corpus, dealt, makeStage, placed } from "./corpus.ts";
import type { Scene } from "./scene.ts";
import type { Vector } from "./vector.ts";
import { withstand } from "./withstand.ts";

if (whyNoMounts !== undefined) process.stdout.write(`${whyNoMounts}\n`);

const isDeep = process.env["CLAUDERON_DEEP"] === "1";

const stage = makeStage();
const counted = { vectors: 0, canaries: 0 };

afterAll(() => {
  stage.strike();
  process.stdout.write(
    `hostile agents in private workspaces: ${String(counted.vectors)} vectors, ${String(counted.canaries)} canaries\n`,
  );
});

/** What only an agent in its sandbox, or one that prepared the whole repository for it, can do. */
const agents = corpus.filter((vector) => vector.armWorkspace !== undefined || vector.isAlone === true);

function mountOf({ root, workspace }: Scene): WorkspaceMount {
  const directory = join(root, "home", "private", "session-fix");
  const generation = readFileSync(join(directory, "borrowed"), "utf8");
  const borrows = [join(generation, "objects")];
  const gitFile = { hostPath: join(directory, "git-file"), directory: join(directory, "inside"), borrows };
  return { hostPath: workspace, gitFile };
}

/** What lies over `.git` cannot be reached from inside: these try, and have to fail. */
const attempts: Readonly<Record<string, string>> = {
  ".git file that names another repository": "{ rm -f .git && printf 'gitdir: evil\\n' > .git; } || echo REFUSED",
  ".git as a symlink to another repository": "ln -sfn evil .git || echo REFUSED",
  ".git as a directory": "{ mv .git other && mkdir .git; } || echo REFUSED",
};

function byTheAgent(vector: Vector): Vector {
  const attempt = attempts[vector.name];
  return {
    ...vector,
    // What is refused leaves others everything to do.
    ...(attempt === undefined ? {} : { isAlone: false }),
    ...(vector.armWorkspace === undefined
      ? {}
      : {
          armWorkspace: (scene) => {
            const agent = agentScene(scene, mountOf(scene));
            if (attempt === undefined) return vector.armWorkspace?.(agent);
            const { output } = agent.program("sh", ["-c", attempt], { cwd: scene.workspace });
            if (!output.includes("REFUSED")) throw new Error(`${attempt}: ${output}`);
          },
        }),
  };
}

/** Operations that such a repository has refused, besides those of a linked worktree. */
const refused: Readonly<Record<string, readonly string[]>> = {
  // Git inside is as lost as it would be anywhere.
  "commondir that names another repository": ["sync"],
};

const isQuick = ({ name }: Vector): boolean => isDeep || !name.startsWith("lazy fetch") || name.endsWith("ext::");
const armed = agents.map((vector) => byTheAgent(placed(vector, "repository")));
const runs = [...dealt(armed, 1), ...armed.filter((vector) => vector.isAlone === true && isQuick(vector))];

describe.skipIf(whyNoMounts !== undefined)("an agent in the sandbox of a private workspace", () => {
  it.each(runs)("$name: nothing of it runs outside", { timeout: 120_000 }, async (vector) => {
    const { canaries, failures } = await withstand(stage.scene(), vector, { isPrivate: true, enter: enterSandbox });
    counted.vectors += /^\d+ vectors/u.test(vector.name) ? Number.parseInt(vector.name, 10) : 1;
    counted.canaries += canaries.length;
    const allowed = new Set<string>([...(vector.refused ?? []), ...(refused[vector.name] ?? [])]);
    const unexpected = Object.entries(failures).filter(([operation]) => !allowed.has(operation));
    expect({ canaries, unexpected }).toEqual({ canaries: [], unexpected: [] });
  });
});
