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
  try {
    const cases = await Promise.all(ids.filter((id) => !isCleanup(id)).map((id) => run.result(id)));
    const cleanups: ContractResult[] = [];
    for (const id of ids.filter(isCleanup)) cleanups.push(await run.result(id));
    return [...cases, ...cleanups];
  } finally {
    await run.close();
  }
}
