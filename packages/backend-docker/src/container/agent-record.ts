import type { AgentProcessStatus } from "@clauderon/core/contract";
import type { HostSandboxStatus, LaunchRecord, SandboxRecord } from "@clauderon/terminal";

/** Older ones are no longer asked for. */
const launchesKept = 100;

/** What the guest says of the agent, or else what was remembered. */
export function agentOf(
  record: Pick<SandboxRecord, "launches"> | undefined,
  hosted: HostSandboxStatus | undefined,
): AgentProcessStatus {
  if (hosted !== undefined && hosted.agent.state !== "none") {
    const { state, launchId, processId, startedAtMs, exit } = hosted.agent;
    const startedAt = startedAtMs === undefined ? undefined : new Date(startedAtMs);
    return { state, launchId, processId, startedAt, exit };
  }
  const last = record?.launches.at(-1);
  if (last === undefined) return { state: "none" };
  const { launchId, startedAtMs, exit } = last;
  return { state: exit === undefined ? "lost" : "exited", launchId, startedAt: new Date(startedAtMs), exit };
}

export function withExit(record: SandboxRecord, hosted: Pick<HostSandboxStatus, "agent"> | undefined): SandboxRecord {
  const { launchId, exit } = hosted?.agent ?? {};
  if (exit === undefined) return record;
  const launches = record.launches.map((launch) => (launch.launchId === launchId ? { ...launch, exit } : launch));
  return { ...record, launches };
}

export function withLaunch(record: SandboxRecord, made: LaunchRecord): SandboxRecord {
  if (record.launches.some(({ launchId }) => launchId === made.launchId)) return record;
  return { ...record, launches: [...record.launches, made].slice(-launchesKept) };
}

export function withoutLaunch(record: SandboxRecord, launchId: string): SandboxRecord {
  return { ...record, launches: record.launches.filter((launch) => launch.launchId !== launchId) };
}
