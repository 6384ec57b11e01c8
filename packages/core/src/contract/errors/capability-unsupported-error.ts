import type { Capability } from "../backend-capabilities.ts";
import { ClauderonError } from "./clauderon-error.ts";

/** A power that the backend does not have was asked for. The backend itself rejects with it; nothing is silently left out. */
export class CapabilityUnsupportedError extends ClauderonError<"capability.unsupported"> {
  readonly backendId: string;
  readonly capability: Capability;

  /** `alternatives`: ids of backends that have the power, to be named in the fix. */
  constructor(backendId: string, capability: Capability, alternatives: readonly string[] = ["docker", "podman"]) {
    super({
      code: "capability.unsupported",
      message: `The ${backendId} backend has no ${capabilityWords[capability]}`,
      fix: [
        `choose a backend that has it: ${alternatives.map((id) => `--backend ${id}`).join(" or ")}`,
        `or leave the option out`,
      ],
      context: { backendId, capability },
    });
    this.backendId = backendId;
    this.capability = capability;
  }
}

const capabilityWords: Readonly<Record<Capability, string>> = {
  image: "images",
  cpuLimit: "CPU limit",
  memoryLimit: "memory limit",
  processLimit: "limit of processes",
  pullPolicy: "pull policy",
  networkPolicy: "network policy",
  hibernate: "hibernation",
  checkpoint: "checkpoints",
  refresh: "refresh",
  usage: "usage figures",
  user: "choice of user",
};
