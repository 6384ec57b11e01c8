import type { AgentProcessStatus, BackendContext } from "@clauderon/core/contract";
import { createSessionHostClient } from "@clauderon/terminal";

import type { SandboxHost } from "./sandbox-host.ts";

/** The home's session host as the keeper of environments. */
export function createSessionHostSandboxes(context: BackendContext): SandboxHost {
  const { homeDirectory, instanceId, logger } = context;
  const client = createSessionHostClient({ homeDirectory, instanceId, logger });
  return {
    open: ({ sandboxId, name, workspacePath, environment }) =>
      client.openSandbox({ sandboxId, name, cwd: workspacePath, environment }),
    state: async (sandboxId, options) => {
      const found = await client.inspectSandbox(sandboxId, options);
      if (found === undefined) return "absent";
      return found.state === "running" ? "running" : "stopped";
    },
    exec: (sandboxId, argv, options) => client.exec(sandboxId, argv, options),
    stop: (sandboxId, options) => client.stopSandbox(sandboxId, options),
    remove: (sandboxId) => client.closeSandbox(sandboxId),
    startAgent: (sandboxId, launch, options) => client.startAgent(sandboxId, launch, options),
    agentStatus: async (sandboxId, options): Promise<AgentProcessStatus> => {
      const agent = (await client.inspectSandbox(sandboxId, options))?.agent;
      if (agent === undefined) return { state: "none" };
      const { state, launchId, processId, startedAtMs, exit } = agent;
      return {
        state,
        launchId,
        processId,
        startedAt: startedAtMs === undefined ? undefined : new Date(startedAtMs),
        exit,
      };
    },
    agentTerminal: (sandboxId, options) => client.agentTerminal(sandboxId, options),
    agentText: async (sandboxId, options) => {
      await using stream = await client.agentTerminal(sandboxId, { isReplayOnly: true, signal: options?.signal });
      const decoder = new TextDecoder();
      let text = "";
      for await (const { bytes } of stream.output) text += decoder.decode(bytes, { stream: true });
      return text;
    },
    agentExit: (sandboxId, options) => client.agentExit(sandboxId, options),
    close: () => client.close(),
  };
}
