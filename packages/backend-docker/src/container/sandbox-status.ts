import type { SandboxStatus } from "@clauderon/core/contract";
import type { HostSandboxStatus, SandboxRecord } from "@clauderon/terminal";

import type { ContainerStatus } from "../engine/engine-types.ts";
import { agentOf } from "./agent-record.ts";

export interface Observed {
  /** Absent = there is none. */
  readonly container: ContainerStatus | undefined;
  readonly record: SandboxRecord | undefined;
  /** What the guest of a running container says. */
  readonly hosted?: HostSandboxStatus | undefined;
}

/** What was observed, in the contract's words. */
export function sandboxStatus({ container, record, hosted }: Observed): SandboxStatus {
  const agent = agentOf(record, hosted);
  if (container === undefined) return { state: "missing", agent, egress: "sealed" };
  const egress = egressOf(container);
  const reason = reasonOf(container, hosted);
  switch (container.state) {
    case "running":
      return {
        state: hosted === undefined || hosted.state === "stopped" ? "stopped" : "running",
        agent,
        egress,
        reason,
      };
    case "created":
    case "exited":
      return { state: "stopped", agent, egress, reason };
    case "removing":
      return { state: "missing", agent, egress, reason };
    case "dead":
      return { state: "failed", agent, egress, reason };
    default:
      return { state: "unknown", agent, egress, reason };
  }
}

/** `none` is the engine's name for loopback alone. Whatever else it is in, it may leave by: also when somebody else put it there. */
export function egressOf({
  networks,
  networkMode,
}: Pick<ContainerStatus, "networks" | "networkMode">): SandboxStatus["egress"] {
  return networkMode !== "host" && networks.every((network) => network === "none") ? "sealed" : "open";
}

function reasonOf(container: ContainerStatus, hosted: HostSandboxStatus | undefined): string | undefined {
  const { state, error, exitCode, isOutOfMemory } = container;
  if (state === "running") return hosted === undefined ? "its guest does not know the session" : undefined;
  if (state === "paused") return `its container is paused: docker unpause ${container.name}`;
  if (error !== "") return error;
  if (isOutOfMemory) return "its memory limit was reached";
  // 143 and 137: it was told to end.
  if (state === "exited" && ![0, 137, 143].includes(exitCode)) return `its container ended with exit code ${exitCode}`;
  return ["created", "exited"].includes(state) ? undefined : `its container is ${state}`;
}
