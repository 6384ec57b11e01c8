import { AgentError, CommandError, SandboxError, SessionError } from "@clauderon/core/contract";

import type { SandboxRecord } from "./sandbox-records.ts";

/** The zellij session of a sandbox, as its user types it. */
export function zellijSessionName(name: string): string {
  return `clauderon-${name}`;
}

export function nameTaken(name: string, isExited: boolean): SandboxError {
  const session = zellijSessionName(name);
  return new SandboxError({
    code: "sandbox.name-taken",
    message: `zellij has a session ${session} already, and it is not this clauderon's`,
    why: isExited
      ? "it has ended and zellij keeps it to be resurrected"
      : "it was made by hand or by a clauderon with another home",
    fix: [
      "choose another name for the session",
      isExited
        ? `or, if you do not need it: zellij delete-session ${session}`
        : `or look at it: zellij attach ${session}, and end it if you do not need it: zellij kill-session ${session}`,
    ],
    context: { session },
  });
}

export function notRunning(record: SandboxRecord, why?: string): SandboxError {
  return new SandboxError({
    code: "sandbox.not-running",
    message: `The session ${record.name} is not running`,
    why,
    fix: [`clauderon start ${record.name}`],
    context: { sandboxId: record.sandboxId },
  });
}

export function sandboxGone(record: SandboxRecord): SandboxError {
  return new SandboxError({
    code: "sandbox.not-found",
    message: `The sandbox of ${record.name} is gone`,
    fix: ["create the session anew"],
    context: { sandboxId: record.sandboxId },
  });
}

export function launchRunning(record: SandboxRecord): SessionError {
  return new SessionError({
    code: "session.wrong-state",
    message: `The agent of ${record.name} is running already`,
    fix: [`clauderon attach ${record.name}`, `clauderon stop ${record.name}`],
    context: { sandboxId: record.sandboxId },
  });
}

export function programMissing(program: string, exitCode: number): CommandError {
  return new CommandError({
    code: "command.not-found",
    message: exitCode === 127 ? `The program ${program} was not found` : `The program ${program} cannot be run`,
    fix: [`install ${program}, or put its directory on PATH`],
    context: { program, exitCode },
  });
}

export function noLaunch(record: SandboxRecord): AgentError {
  return new AgentError({
    code: "agent.ended",
    message: `No agent was started in ${record.name}`,
    fix: [`clauderon start ${record.name}`],
    context: { sandboxId: record.sandboxId },
  });
}

export function startFailed(record: SandboxRecord, why: string): SandboxError {
  return new SandboxError({
    message: `zellij did not start the agent of ${record.name}`,
    why,
    fix: [
      "check the configuration of zellij: zellij setup --check",
      "look into zellij's log (zellij-log/zellij.log in its directory for temporary files)",
      `clauderon start ${record.name}`,
    ],
    context: { sandboxId: record.sandboxId },
  });
}
