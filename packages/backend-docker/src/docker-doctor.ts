import {
  ClauderonError,
  type CallOptions,
  type DoctorCheck,
  type DoctorReport,
  type GuestProgram,
} from "@clauderon/core/contract";

import type { FoundEngine } from "./engine/connect-engine.ts";

export interface DoctorOptions extends CallOptions {
  readonly connect: (options: CallOptions) => Promise<FoundEngine>;
  /** Absent: specs bring it. */
  readonly guest?: GuestProgram | undefined;
}

const backendId = "docker";

/** Looks whether Docker can be used here and now. */
export async function examineDocker({ connect, guest, signal }: DoctorOptions): Promise<DoctorReport> {
  signal?.throwIfAborted();
  try {
    const found = await connect({ signal });
    const checks = [...engineChecks(found), ...(guest === undefined ? [] : [guestCheck(guest)])];
    const isUsable = checks.every(({ status }) => status !== "failed");
    return { backendId, isUsable, version: found.client.facts.version, checks };
  } catch (error) {
    signal?.throwIfAborted();
    return { backendId, isUsable: false, checks: [failed(error)] };
  }
}

function failed(error: unknown): DoctorCheck {
  const isOurs = ClauderonError.isInstance(error);
  const message = error instanceof Error ? error.message : String(error);
  const why = isOurs && error.why !== undefined ? `: ${error.why}` : "";
  return {
    id: isOurs && message.startsWith("No permission") ? "permission" : "engine",
    status: "failed",
    message: `${message}${why}`,
    fix: isOurs ? error.fix[0] : "see what the engine says: docker info",
  };
}

function engineChecks({ client, candidate }: FoundEngine): readonly DoctorCheck[] {
  const { facts } = client;
  const kind = facts.isRootless ? "rootless Docker" : "Docker";
  const where = candidate.origin === "the usual place" ? "" : `, named by ${candidate.origin}`;
  return [
    { id: "engine", status: "ok", message: `${kind} ${facts.version} at ${candidate.socketPath}${where}` },
    platformCheck(client.facts),
    limitCheck(client.facts),
    ...(facts.hasUserNamespace ? [userNamespaceCheck] : []),
  ];
}

/** What runs as the first process of every container. */
function guestCheck(guest: GuestProgram): DoctorCheck {
  const id = "guest";
  try {
    return { id, status: "ok", message: `the program that runs inside containers is here (${guest.version})` };
  } catch (error) {
    return { ...failed(error), id };
  }
}

type Facts = FoundEngine["client"]["facts"];

function platformCheck({ os, architecture, operatingSystem }: Facts): DoctorCheck {
  const id = "platform";
  const message = `${os} ${architecture}${operatingSystem === "" ? "" : ` (${operatingSystem})`}`;
  if (os === "linux" && ["x64", "arm64"].includes(architecture)) return { id, status: "ok", message };
  return {
    id,
    status: "failed",
    message: `${message}: containers of Linux on x64 or arm64 are needed`,
    fix: "switch Docker to Linux containers, on a machine with an x64 or arm64 processor",
  };
}

function limitCheck(facts: Facts): DoctorCheck {
  const id = "limits";
  const missing = [
    ...(facts.canLimitCpu ? [] : ["processors"]),
    ...(facts.canLimitMemory ? [] : ["memory"]),
    ...(facts.canLimitProcesses ? [] : ["processes"]),
  ];
  if (missing.length === 0) return { id, status: "ok", message: "processors, memory and processes can be limited" };
  return {
    id,
    status: "warning",
    message: `the engine cannot limit ${missing.join(" and ")}; sessions that ask for it are refused`,
    fix: facts.isRootless
      ? "use cgroup v2 and delegate its controllers: https://rootlesscontaine.rs/getting-started/common/cgroup2/"
      : "turn the controllers on in the kernel's configuration, and restart Docker",
  };
}

const userNamespaceCheck: DoctorCheck = {
  id: "user-namespace",
  status: "warning",
  message: "the engine maps users (userns-remap): sessions opt out of it, so that they can write their workspace",
  fix: "nothing has to be done; rootless Docker isolates the users of the machine better",
};
