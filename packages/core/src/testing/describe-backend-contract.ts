import type { TestContext } from "vitest";

import type { BackendContractOptions, KnownFailure } from "./backend-contract-options.ts";
import { ContractRun, isCleanup } from "./contract-run.ts";
import { requirements } from "./requirements.ts";
import { chosenCases } from "./run-backend-contract.ts";
import { vitestFunctions } from "./vitest-functions.ts";

/** Cases have deadlines of their own; this one also covers waiting for a turn. */
const TEST_TIMEOUT_MS = 240_000;

/**
 * The conformance kit as a vitest suite: one test per requirement. A power that the backend lacks must be refused with
 * `CapabilityUnsupportedError`; a known failure must fail; a case for another kind of backend is skipped with the reason.
 */
export function describeBackendContract(options: BackendContractOptions): void {
  const { afterAll, beforeAll, describe } = vitestFunctions();
  const { name, unavailable } = options;
  if (unavailable !== undefined) {
    describeUnavailable(name, unavailable);
    return;
  }
  const timeout = TEST_TIMEOUT_MS * (options.slowFactor ?? 1);
  const known = new Map((options.knownFailures ?? []).map((failure) => [failure.id, failure]));
  const ids = chosenCases(options);
  const running: { run?: ContractRun } = {};

  describe(`the backend contract: ${name}`, { timeout }, () => {
    beforeAll(async () => {
      running.run = await ContractRun.open(options);
    }, timeout);
    afterAll(() => running.run?.close(), timeout);

    const parts = [
      { title: "cases", isConcurrent: true, ids: ids.filter((id) => !isCleanup(id)) },
      { title: "afterwards", isConcurrent: false, ids: ids.filter(isCleanup) },
    ];
    for (const { title, isConcurrent, ids } of parts.filter((part) => part.ids.length > 0)) {
      describe(title, { concurrent: isConcurrent }, () => {
        for (const id of ids) addTest({ id, known: known.get(id), running });
      });
    }
  });
}

interface TestPlan {
  readonly id: string;
  readonly known: KnownFailure | undefined;
  readonly running: { readonly run?: ContractRun };
}

function addTest({ id, known, running }: TestPlan): void {
  const body = async (context: TestContext): Promise<void> => {
    const { run } = running;
    if (run === undefined) throw new Error("the suite has no run");
    const reason = run.skipReason(id);
    if (reason !== undefined) context.skip(reason);
    const result = await run.result(id);
    if (result.status === "failed") throw result.error;
  };
  const note = known === undefined ? "" : ` (known failure: ${known.reason}, ${known.issue})`;
  const { test } = vitestFunctions();
  const add = known === undefined ? test : test.fails;
  add(`${id}: ${requirements[id]?.behavior ?? ""}${note}`, body);
}

/** Says on one line why the suite does not run; fails when the machine was meant to have the engine. */
function describeUnavailable(name: string, reason: string): void {
  const isRequired = (process.env["CLAUDERON_REQUIRE"] ?? "").split(/[\s,]+/).includes(name);
  const line = `the backend contract of ${name} did not run: ${reason}`;
  process.stderr.write(`${line}\n`);
  vitestFunctions().test(`the backend contract: ${name}`, (context) => {
    if (isRequired) throw new Error(`${line}, but CLAUDERON_REQUIRE contains ${name}`);
    context.skip(reason);
  });
}
