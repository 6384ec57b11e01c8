import {
  createFakeBackend,
  plantForeignSandbox,
  requirements,
  runBackendContract,
  type ContractResult,
} from "../../src/testing/index.ts";
import type { Mutant } from "./mutant.ts";

/** Takes seconds: run where a mutant names it. */
const heavy = "files:stream:100-mebibytes";

/** To see with few cases that what a mutant does not break holds. */
const neighbours: readonly string[] = [
  "create:exec-works",
  "exec:exit:1",
  "exec:streams:apart",
  "files:bytes:all",
  "terminal:exit:code",
];

/** How much of the kit a mutant meets: everything, or its own cases and some. */
export type HuntExtent = "kit" | "cases";

/** What the kit found in a mutant. */
export interface Hunt {
  /** Failures that the mutant does not name, each with its error. */
  readonly unexpected: readonly string[];
  /** Cases that should have noticed. */
  readonly missed: readonly string[];
}

function chooseCases({ fails, mayFail = [] }: Mutant, extent: HuntExtent): readonly string[] {
  const named = [...fails, ...mayFail];
  if (extent === "cases") return [...new Set([...named, ...neighbours])];
  return Object.keys(requirements).filter((id) => id !== heavy || named.includes(id));
}

/** Runs the kit against the mutant. */
export async function huntMutant(mutant: Mutant, extent: HuntExtent): Promise<Hunt> {
  const shape = "host";
  const breaks = mutant.breaks();
  const results = await runBackendContract({
    name: mutant.name,
    create: (context) => breaks(createFakeBackend({ context, shape, isInProcess: true }), context),
    samples: { foreign: (name, context) => plantForeignSandbox({ context, shape }, name) },
    only: chooseCases(mutant, extent),
  });
  const failures = results.filter((result) => result.status === "failed");
  const failed = new Set(failures.map(({ id }) => id));
  const expected = new Set([...mutant.fails, ...(mutant.mayFail ?? [])]);
  return {
    unexpected: failures.filter(({ id }) => !expected.has(id)).map(describeFailure),
    missed: mutant.fails.filter((id) => !failed.has(id)),
  };
}

function describeFailure({ id, error }: ContractResult): string {
  return `${id}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
