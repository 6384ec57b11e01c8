import { AgentError, type AgentPlanRequest, type CallOptions, type CommandRunner } from "@clauderon/core/contract";
import { findProgram } from "@clauderon/core/host";

import { packageVersion } from "./package-version.ts";

type Command = readonly [string, ...string[]];
type Environment = Readonly<Record<string, string>>;

/** An agent as it is named to the user. */
export interface AgentName {
  readonly agentId: string;
  readonly displayName: string;
  readonly installHint: string;
}

const VERSION_TIMEOUT_MS = 30_000;

/** The program on the environment's PATH, and its version when it tells one. */
export async function findAgent(
  command: Command,
  runner: CommandRunner,
  { environment, signal }: CallOptions & { readonly environment: Environment },
): Promise<{ readonly program: string; readonly version?: string | undefined } | undefined> {
  const found = await findProgram(command[0], { cwd: "/", environment });
  if (!("path" in found)) return undefined;
  const program = found.path;
  const version = command.length === 1 ? await packageVersion(program) : undefined;
  signal?.throwIfAborted();
  if (version !== undefined) return { program, version };
  try {
    const { stdout } = await runner.run(program, [...command.slice(1), "--version"], {
      cwd: "/",
      environment,
      timeoutMs: VERSION_TIMEOUT_MS,
      signal,
    });
    return { program, version: /\d+\.\d+\.\d+[\w.-]*/.exec(stdout)?.[0] };
  } catch {
    // A program that cannot tell its version is installed all the same; only an abort ends the search.
    signal?.throwIfAborted();
    return { program };
  }
}

/** How the agent is called: on this machine by its absolute path, elsewhere by name. Rejects with `agent.not-found`. */
export async function agentCommand(agent: AgentName, command: Command, request: AgentPlanRequest): Promise<Command> {
  if (request.isolation !== "none") return command;
  const found = await findProgram(command[0], { cwd: request.workspacePath, environment: request.environment });
  if ("path" in found) return [found.path, ...command.slice(1)];
  throw new AgentError({
    code: "agent.not-found",
    message: `${agent.displayName} is not installed`,
    why:
      found.exitCode === 126 ? `${command[0]} is on PATH but cannot be executed` : `there is no ${command[0]} on PATH`,
    fix: [agent.installHint, "choose another agent: --agent NAME"],
    context: { agent: agent.agentId, program: command[0], path: request.environment["PATH"] },
  });
}
