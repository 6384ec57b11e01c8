import { ClauderonError, type ClauderonErrorOptions } from "./clauderon-error.ts";

/** An agent that is not known, not installed, or has ended. */
export class AgentError extends ClauderonError<"agent.unknown" | "agent.not-found" | "agent.ended"> {
  constructor(
    options: Omit<ClauderonErrorOptions, "code"> & {
      readonly code?: "agent.unknown" | "agent.not-found" | "agent.ended";
    },
  ) {
    super({ code: "agent.not-found", ...options });
  }
}
