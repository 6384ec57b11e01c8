import { backendMutants } from "./backend-mutants.ts";
import { execMutants } from "./exec-mutants.ts";
import { filesMutants } from "./files-mutants.ts";
import { lifecycleMutants } from "./lifecycle-mutants.ts";
import type { Mutant } from "./mutant.ts";
import { terminalMutants } from "./terminal-mutants.ts";

export type { Mutant } from "./mutant.ts";

/** Every backend broken on purpose. */
export const mutants: readonly Mutant[] = [
  ...execMutants,
  ...filesMutants,
  ...terminalMutants,
  ...lifecycleMutants,
  ...backendMutants,
];
