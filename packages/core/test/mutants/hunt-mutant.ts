import { createFakeBackend, plantForeignSandbox, runBackendContract, type ContractResult } from "../../src/testing/index.ts";
import type { Mutant } from "./mutant.ts";

/** What the kit found in a mutant. */
export interface Hunt {
  readonly failed: readonly string[];
  /** Failures that the mutant does not name, each with its error. */
  readonly unexpected: readonly string[];
  /** Cases that should have noticed. */
  readonly missed: readonly string[];
}

/** Runs the kit against the mutant; `only` restricts it to some cases. */
export async function huntMutant(mutant: Mutant, only?: readonly string[]): Promise<Hunt> {
  const shape = "host";
  const breaks = mutant.breaks();
  const results = await runBackendContract({
    name: mutant.name,
    create: (context) => breaks(createFakeBackend({ context, shape }), context),
    samples: { foreign: (name, context) => plantForeignSandbox({ context, shape }, name) },
    only,
  });
  const failures = results.filter((result) => result.status === "failed");
  const failed = failures.map(({ id }) => id);
  const expected = new Set([...mutant.fails, ...(mutant.mayFail ?? [])]);
  return {
    failed,
    unexpected: failures.filter(({ id }) => !expected.has(id)).map(describeFailure),
    missed: mutant.fails.filter((id) => !failed.includes(id)),
  };
}

function describeFailure({ id, error }: ContractResult): string {
  return `${id}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
