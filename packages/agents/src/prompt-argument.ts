import { join } from "node:path";

import { UsageError, type AgentPlan, type AgentPlanRequest } from "@clauderon/core/contract";

/** Linux takes no longer argument (MAX_ARG_STRLEN, its final NUL included); some bytes stay free for a flag in front. */
const MAX_ARGUMENT_BYTES = 131_072 - 64;

/** How the prompt reaches the agent's command line. */
export interface PromptArgument {
  readonly text: string | undefined;
  readonly files: AgentPlan["files"];
  /** Set when the agent must be able to read the session's directory. */
  readonly directory: string | undefined;
  readonly notices: readonly string[];
}

/** The prompt as one argument; too long a one as a file of the session that the argument names. A NUL cannot be passed at all. */
export function promptArgument(request: AgentPlanRequest): PromptArgument {
  const { prompt = "", sessionDirectory } = request;
  if (prompt.includes("\0")) {
    throw new UsageError({
      message: "The prompt holds a NUL character",
      why: "no program can be given one in an argument",
      fix: ["remove it: tr -d '\\000' < prompt.md | clauderon create --prompt-file -"],
    });
  }
  if (prompt === "") return { text: undefined, files: [], directory: undefined, notices: [] };
  const size = Buffer.byteLength(prompt);
  if (size <= MAX_ARGUMENT_BYTES) return { text: prompt, files: [], directory: undefined, notices: [] };
  const path = join(sessionDirectory, "prompt.md");
  return {
    text: `Your task is in the file ${path}. Read all of it, then carry it out.`,
    files: [{ path, content: prompt }],
    directory: sessionDirectory,
    notices: [
      `The prompt of ${Math.ceil(size / 1024)} KiB is too long for an argument: the agent was told to read it from ${path}.`,
    ],
  };
}
