import { randomUUID } from "node:crypto";

import type { AgentLaunch, AgentProcessStatus, AgentTerminalOptions, Sandbox } from "../../contract/index.ts";
import { TerminalReader } from "./terminal-reader.ts";

/** A launch of a constant shell script in the agent's terminal, with its arguments as `$1`, `$2`, …. */
export function scriptLaunch(text: string, ...parameters: readonly string[]): AgentLaunch {
  return { launchId: randomUUID(), argv: ["sh", "-c", text, "agent", ...parameters], mode: "terminal" };
}

/** Starts a script as the agent. */
export function launch(sandbox: Sandbox, text: string, ...parameters: readonly string[]): Promise<AgentProcessStatus> {
  return sandbox.startAgent(scriptLaunch(text, ...parameters));
}

/** A new viewer of the agent's terminal that reads from now on. */
export async function view(sandbox: Sandbox, options: AgentTerminalOptions = {}): Promise<TerminalReader> {
  return new TerminalReader(await sandbox.agentTerminal(options));
}

/** Hands text to the terminal as if typed. */
export function type(reader: TerminalReader, text: string): Promise<void> {
  return reader.stream.input(new TextEncoder().encode(text));
}
