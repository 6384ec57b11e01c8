import { defineProject } from "vitest/config";
import type { UserWorkspaceConfig } from "vitest/config";

/** The private condition of `exports` that leads to sources, so tests need no build. */
export const SOURCE_CONDITION = "@clauderon/source";

const SECOND = 1000;

/** Which files a run takes; chosen by the environment variable CLAUDERON_TESTS. */
const kinds = {
  /** Fast, needs nothing installed: `*.test.ts` without the two below. */
  unit: { suffixes: ["test"], exclude: ["proof", "real"], timeoutMs: 60 * SECOND },
  /** Long runs: properties with many cases, crash and load proofs. */
  proof: { suffixes: ["proof.test"], exclude: [], timeoutMs: 900 * SECOND },
  /** Real engines and real agents. */
  real: { suffixes: ["real.test"], exclude: [], timeoutMs: 300 * SECOND },
} as const;

function selectedKind(): keyof typeof kinds {
  const name = process.env["CLAUDERON_TESTS"] || "unit";
  if (name === "unit" || name === "proof" || name === "real") {
    return name;
  }
  throw new Error(`CLAUDERON_TESTS is "${name}"; it must be unit, proof or real`);
}

export const testKind: keyof typeof kinds = selectedKind();

/** Proofs with as many cases as are claimed anywhere: `pnpm test:proof --deep`. */
const isDeep = process.env["CLAUDERON_DEEP"] === "1";
const DEEP_TIMEOUT_MS = 24 * 60 * 60 * SECOND;

/** The vitest project of one package. */
export function testProject(name: string): UserWorkspaceConfig {
  const kind = kinds[testKind];
  const timeoutMs = isDeep ? DEEP_TIMEOUT_MS : kind.timeoutMs;
  return defineProject({
    ssr: { resolve: { conditions: [SOURCE_CONDITION] } },
    test: {
      name,
      // Of the project, not of the root: a project does not inherit it, and by default two cores get one worker.
      maxWorkers: testKind === "real" ? 1 : 2,
      environment: "node",
      include: kind.suffixes.map((suffix) => `{src,test}/**/*.${suffix}.ts`),
      exclude: ["**/node_modules/**", "**/dist/**", ...kind.exclude.map((suffix) => `**/*.${suffix}.test.ts`)],
      pool: "forks",
      execArgv: ["--conditions", SOURCE_CONDITION],
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
      // Vitest's own second is too short on a machine that is busy with other things.
      expect: { poll: { timeout: 30_000, interval: 20 } },
      restoreMocks: true,
      unstubEnvs: true,
    },
  });
}
