import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

import type { BackendContractOptions, ContractResult } from "./backend-contract-options.ts";
import { abortCases } from "./backend-contract/abort.cases.ts";
import { capabilityCases, powerCases, refusesPower } from "./backend-contract/capabilities.cases.ts";
import { createCases } from "./backend-contract/create.cases.ts";
import { doctorCases } from "./backend-contract/doctor.cases.ts";
import { execControlCases } from "./backend-contract/exec-control.cases.ts";
import { execCases } from "./backend-contract/exec.cases.ts";
import { filesConfinementCases } from "./backend-contract/files-confinement.cases.ts";
import { filesCases } from "./backend-contract/files.cases.ts";
import { headlessCases } from "./backend-contract/headless.cases.ts";
import { lifecycleCases } from "./backend-contract/lifecycle.cases.ts";
import { listCases } from "./backend-contract/list.cases.ts";
import { openCases } from "./backend-contract/open.cases.ts";
import { terminalLaunchCases } from "./backend-contract/terminal-launch.cases.ts";
import { terminalOutputCases } from "./backend-contract/terminal-output.cases.ts";
import { terminalViewersCases } from "./backend-contract/terminal-viewers.cases.ts";
import type { ContractCase, ContractCases, PowerCase } from "./contract-context.ts";
import { ContractWorld, type Leftovers } from "./contract-world.ts";
import { requirements, type Requirement } from "./requirements.ts";

/** Cases at the same time, where the options do not say. */
const CONCURRENCY = 6;

/** A case that does not end is a failure after so long. */
const CASE_DEADLINE_MS = 60_000;

const bodies: ContractCases = {
  ...createCases,
  ...execCases,
  ...execControlCases,
  ...filesCases,
  ...filesConfinementCases,
  ...terminalLaunchCases,
  ...terminalViewersCases,
  ...terminalOutputCases,
  ...headlessCases,
  ...lifecycleCases,
  ...listCases,
  ...openCases,
  ...doctorCases,
  ...capabilityCases,
  ...abortCases,
};

const cleanups: Readonly<Record<string, keyof Leftovers>> = {
  "cleanup:destroy": "destroy",
  "cleanup:processes": "processes",
  "cleanup:files": "files",
};

/** Ids that have a body. */
export const contractBodyIds: readonly string[] = [
  ...Object.keys(bodies),
  ...Object.keys(powerCases),
  ...Object.keys(cleanups),
];

/** Whether the case looks at what the whole run has left, and so comes last. */
export function isCleanup(id: string): boolean {
  return id in cleanups;
}

/** What a case does with this backend. */
type Plan = { readonly kind: "run" | "refuse" } | { readonly kind: "skip"; readonly reason: string };

/** One run of the kit against one backend: a world, and the cases that are asked for. */
export class ContractRun {
  readonly #options: BackendContractOptions;
  readonly #world: ContractWorld;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  private constructor(options: BackendContractOptions, world: ContractWorld) {
    this.#options = options;
    this.#world = world;
    this.#free = options.concurrency ?? CONCURRENCY;
  }

  static async open(options: BackendContractOptions): Promise<ContractRun> {
    return new ContractRun(options, await ContractWorld.open(options));
  }

  /** Why the case is for other backends; `undefined` when it is for this one. */
  skipReason(id: string): string | undefined {
    const plan = this.#plan(requirementOf(id));
    return plan.kind === "skip" ? plan.reason : undefined;
  }

  /** Runs one case to its end when it is its turn; never rejects. */
  async result(id: string): Promise<ContractResult> {
    const plan = this.#plan(requirementOf(id));
    if (plan.kind === "skip") return { id, status: "unsupported", durationMs: 0 };
    await this.#enter();
    const begin = performance.now();
    const durationMs = (): number => Math.round(performance.now() - begin);
    const abandon = new AbortController();
    try {
      const deadlineMs = CASE_DEADLINE_MS * this.#world.slowFactor;
      await Promise.race([this.#run(id, plan.kind), deadline(deadlineMs, abandon.signal)]);
      return { id, status: plan.kind === "refuse" ? "unsupported" : "passed", durationMs: durationMs() };
    } catch (error) {
      return { id, status: "failed", durationMs: durationMs(), error };
    } finally {
      abandon.abort();
      this.#leave();
    }
  }

  close(): Promise<void> {
    return this.#world.close();
  }

  async #enter(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Hands the turn on. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }

  #plan(requirement: Requirement): Plan {
    const { capabilities } = this.#world.backend;
    const { needs, terminal, sample, workspace } = requirement;
    if (needs !== undefined) return { kind: capabilities[needs] ? "run" : "refuse" };
    if (terminal !== undefined && capabilities.terminal !== terminal) {
      return { kind: "skip", reason: `the terminal is ${capabilities.terminal}` };
    }
    const hasSample = sample === undefined || this.#options.samples?.[sample] !== undefined;
    if (hasSample || workspace?.includes(capabilities.workspace) === true) return { kind: "run" };
    return { kind: "skip", reason: `no samples.${sample} was given` };
  }

  async #run(id: string, kind: "run" | "refuse"): Promise<void> {
    const cleanup = cleanups[id];
    if (cleanup !== undefined) {
      assert.deepEqual((await this.#world.leftovers())[cleanup], []);
      return;
    }
    const body = bodies[id] ?? powerBody(id, kind);
    assert.ok(body, `the case ${id} has no body`);
    await this.#world.use(body);
  }
}

function powerBody(id: string, kind: "run" | "refuse"): ContractCase | undefined {
  const power: PowerCase | undefined = powerCases[id];
  const needs = requirements[id]?.needs;
  if (power === undefined || needs === undefined) return undefined;
  return kind === "run" ? power.works : (context) => refusesPower(power, needs, context);
}

function requirementOf(id: string): Requirement {
  const requirement = requirements[id];
  if (requirement === undefined) throw new Error(`there is no case ${id}`);
  return requirement;
}

async function deadline(deadlineMs: number, signal: AbortSignal): Promise<never> {
  try {
    await pause(deadlineMs, undefined, { signal, ref: false });
  } catch {
    // The case ended first: whoever races with this has gone.
  }
  throw new Error(`the case did not end within ${String(deadlineMs)} ms`);
}
