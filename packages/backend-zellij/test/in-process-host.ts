import { resolve } from "node:path";

import { OperationError, SandboxError } from "@clauderon/core/contract";
import { endMarkedProcesses, markerVariable, spawnProcess } from "@clauderon/core/host";

import type { HostedSandbox, SandboxHost } from "../src/sandbox-host.ts";

/** The environment keeper of one test process: real processes, no agents without a terminal. */
export function createInProcessHost(instanceId: string): SandboxHost {
  const sandboxes = new Map<string, HostedSandbox & { isStopped: boolean }>();
  const refuse = (): Promise<never> =>
    Promise.reject(new OperationError({ message: "no headless agents here", fix: ["use the session host"] }));
  return {
    open: async (sandbox) => void sandboxes.set(sandbox.sandboxId, { ...sandbox, isStopped: false }),
    state: async (sandboxId) => {
      const found = sandboxes.get(sandboxId);
      if (found === undefined) return "absent";
      return found.isStopped ? "stopped" : "running";
    },
    exec: async (sandboxId, argv, options) => {
      const found = sandboxes.get(sandboxId);
      if (found === undefined || found.isStopped) {
        throw new SandboxError({ code: "sandbox.not-running", message: "not running", fix: ["start it"] });
      }
      return await spawnProcess(argv, {
        ...options,
        cwd: resolve(found.workspacePath, options.cwd ?? "."),
        environment: {
          ...found.environment,
          ...options.environment,
          [markerVariable]: `${instanceId}/${sandboxId}`,
        },
      });
    },
    stop: async (sandboxId, options) => {
      const found = sandboxes.get(sandboxId);
      if (found !== undefined) found.isStopped = true;
      await endMarkedProcesses(`${instanceId}/${sandboxId}`, { graceMs: options.graceMs ?? 0 });
    },
    remove: async (sandboxId) => void sandboxes.delete(sandboxId),
    startAgent: refuse,
    agentStatus: async () => ({ state: "none" }),
    agentTerminal: refuse,
    agentText: refuse,
    agentExit: refuse,
    close: async () => undefined,
  };
}
