import { describe, expect, it } from "vitest";

import type { ContainerStatus } from "../engine/engine-types.ts";
import { sandboxStatus } from "./sandbox-status.ts";

const container: ContainerStatus = {
  id: "c",
  name: "clauderon-fix",
  state: "running",
  processId: 1,
  exitCode: 0,
  error: "",
  isOutOfMemory: false,
  startedAt: "",
  labels: {},
  image: "",
  networks: ["none"],
  networkMode: "none",
  user: "1:1",
  mounts: [],
};
const hosted = {
  sandboxId: "s",
  instanceId: "i",
  name: "fix",
  cwd: "/",
  state: "running",
  agent: { state: "none" },
} as const;
const record = {
  sandboxId: "s",
  instanceId: "i",
  name: "fix",
  workspacePath: "/",
  state: "running",
  launches: [],
} as const;

describe("The status of a sandbox", () => {
  it.each([
    [{ state: "running" }, "running", undefined],
    [{ state: "exited" }, "stopped", undefined],
    [{ state: "exited", exitCode: 137 }, "stopped", undefined],
    [{ state: "exited", exitCode: 137, isOutOfMemory: true }, "stopped", "its memory limit was reached"],
    [{ state: "exited", exitCode: 3 }, "stopped", "its container ended with exit code 3"],
    [{ state: "exited", exitCode: 128, error: "OCI runtime create failed" }, "stopped", "OCI runtime create failed"],
    [{ state: "created" }, "stopped", undefined],
    [{ state: "paused" }, "unknown", "its container is paused: docker unpause clauderon-fix"],
    [{ state: "restarting" }, "unknown", "its container is restarting"],
    [{ state: "removing" }, "missing", "its container is removing"],
    [{ state: "dead" }, "failed", "its container is dead"],
  ])("of a container %j is %s", (seen, wanted, reason) => {
    const status = sandboxStatus({
      container: { ...container, ...seen },
      record,
      hosted: seen.state === "running" ? hosted : undefined,
    });
    expect(status).toEqual({ state: wanted, agent: { state: "none" }, egress: "sealed", reason });
  });

  it("is missing without a container, and stopped when the guest knows nothing of the session", () => {
    expect(sandboxStatus({ container: undefined, record }).state).toBe("missing");
    expect(sandboxStatus({ container, record })).toMatchObject({
      state: "stopped",
      reason: "its guest does not know the session",
    });
  });

  it("is open as soon as the container is in a network, whoever put it there", () => {
    const egress = (more: Partial<ContainerStatus>) =>
      sandboxStatus({ container: { ...container, ...more }, record, hosted }).egress;
    expect(egress({})).toBe("sealed");
    expect(egress({ networks: [] })).toBe("sealed");
    expect(egress({ networks: ["bridge"] })).toBe("open");
    expect(egress({ networks: ["none", "mine"] })).toBe("open");
    expect(egress({ networkMode: "host", networks: [] })).toBe("open");
  });

  it("remembers how an agent ended that the guest no longer knows, or that nobody knows it", () => {
    const launch = { launchId: "l", host: "1", startedAtMs: 0 };
    const exit = { exitCode: 3, isTimedOut: false };
    const agent = (launches: readonly object[]) =>
      sandboxStatus({ container: undefined, record: { ...record, launches: launches as never } }).agent;
    expect(agent([launch])).toMatchObject({ state: "lost", launchId: "l" });
    expect(agent([{ ...launch, exit }])).toMatchObject({ state: "exited", exit });
  });
});
