import type { BackendContractOptions, ContractResult } from "./backend-contract-options.ts";
import { ContractRun, isCleanup } from "./contract-run.ts";
import { requirements } from "./requirements.ts";

/** Ids of the cases that the options ask for, in the order of the requirements. */
export function chosenCases(options: BackendContractOptions): readonly string[] {
  const { only } = options;
  for (const id of [...(only ?? []), ...(options.knownFailures ?? []).map((known) => known.id)]) {
    if (!(id in requirements)) throw new Error(`there is no case ${id}`);
  }
  return Object.keys(requirements).filter((id) => only === undefined || only.includes(id));
}

/** Runs the conformance kit without a test runner. One result per case; never rejects for a case that fails. */
export async function runBackendContract(options: BackendContractOptions): Promise<readonly ContractResult[]> {
  const ids = chosenCases(options);
  const run = await ContractRun.open(options);
  const results = new Map<string, ContractResult>();
  try {
    const waiting = ids.filter((id) => !isCleanup(id));
    const work = async (): Promise<void> => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) results.set(id, await run.result(id));
    };
    await Promise.all(Array.from({ length: options.concurrency ?? 6 }, work));
    for (const id of ids.filter(isCleanup)) results.set(id, await run.result(id));
  } finally {
    await run.close();
  }
  return ids.map((id) => results.get(id)).filter((result) => result !== undefined);
}
