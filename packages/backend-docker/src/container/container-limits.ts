import { UsageError } from "@clauderon/core/contract";

import type { EngineFacts } from "../engine/engine-types.ts";

export interface ContainerLimits {
  readonly cpus?: number | undefined;
  readonly memoryBytes?: number | undefined;
  readonly processes?: number | undefined;
}

/** Refuses limits that this engine cannot enforce, or that are beyond the machine. */
export function checkLimits(limits: ContainerLimits, facts: EngineFacts): void {
  const { cpus, memoryBytes } = limits;
  if (cpus !== undefined && !facts.canLimitCpu) throw cannot("processors", "--cpu-limit");
  if (memoryBytes !== undefined && !facts.canLimitMemory) throw cannot("memory", "--memory-limit");
  if (limits.processes !== undefined && !facts.canLimitProcesses) throw cannot("processes", "--pids-limit");
  if (cpus !== undefined && facts.processors > 0 && cpus > facts.processors) {
    throw new UsageError({
      message: `${cpus} processors are more than there are`,
      why: `the engine has ${facts.processors}`,
      fix: [`ask for at most that: --cpu-limit ${facts.processors}`],
      context: { cpus, processors: facts.processors },
    });
  }
}

function cannot(what: string, option: string): UsageError {
  return new UsageError({
    message: `This Docker engine cannot limit ${what}`,
    why: "its cgroups do not have the controller",
    fix: [`leave ${option} out`, "clauderon doctor says what the engine lacks"],
  });
}
