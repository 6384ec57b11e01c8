import type { Arguments } from "../command/command.ts";

export const initArguments = {
  backend: { type: "string", alias: "b", valueHint: "NAME", description: "backend of new sessions" },
  "trust-worktrees": {
    type: "boolean",
    description: "answer Claude Code's question about trust for worktrees we make",
  },
} as const satisfies Arguments;
