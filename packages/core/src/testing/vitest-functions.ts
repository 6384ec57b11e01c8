import type * as vitestModule from "vitest";

import { UsageError } from "../contract/index.ts";

type Vitest = typeof vitestModule;

/** vitest is an optional peer: what needs no test runner works without it. */
const loaded: { readonly vitest: Vitest } | { readonly reason: unknown } = await import("vitest").then(
  (vitest) => ({ vitest }),
  (reason: unknown) => ({ reason }),
);

/** The functions of vitest; throws where it is not installed. */
export function vitestFunctions(): Vitest {
  if ("vitest" in loaded) return loaded.vitest;
  throw new UsageError({
    message: "The suites of the testing kit need vitest, which could not be loaded",
    fix: ["install it: npm install --save-dev vitest", "or call runBackendContract, which needs no test runner"],
    cause: loaded.reason,
  });
}
