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

/** A mutant that lets a case wait in vain need not keep it waiting as long as a loaded machine may need. */
const HURRY = 0.5;

/** A case of each part, to see that what a mutant does not break holds. */
const neighbours: readonly string[] = [
  "create:exec-works",
  "exec:exit:1",
  "exec:streams:apart",
  "files:bytes:all",
  "terminal:exit:code",
  "terminal:input",
  "headless:no-input",
  "lifecycle:stop:tree",
  "list:ours",
  "open:new-object",
  "doctor:usable",
  "abort:open",
  "cleanup:processes",
  "cleanup:files",
];

/** How much of the kit a mutant meets: everything, its own parts and a neighbour of each other one, or its own cases and some. */
export type HuntExtent = "kit" | "parts" | "cases";

/** What the kit found in a mutant. */
export interface Hunt {
  /** Failures that the mutant does not name, each with its error. */
  readonly unexpected: readonly string[];
  /** Cases that should have noticed. */
  readonly missed: readonly string[];
}

const partOf = (id: string): string => id.slice(0, id.indexOf(":"));

function chooseCases({ fails, mayFail = [] }: Mutant, extent: HuntExtent): readonly string[] {
  const named = [...fails, ...mayFail];
  if (extent === "cases") return [...new Set([...named, ...neighbours.slice(0, 5)])];
  const parts = new Set(named.map(partOf));
  return Object.keys(requirements).filter((id) => {
    if (named.includes(id)) return true;
    if (id === heavy) return false;
    return extent === "kit" || parts.has(partOf(id)) || neighbours.includes(id);
  });
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
    slowFactor: HURRY,
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
