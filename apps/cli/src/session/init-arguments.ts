import type { BooleanArgument, StringArgument } from "../command/command.ts";

export const initArguments: { readonly backend: StringArgument; readonly "trust-worktrees": BooleanArgument } = {
  backend: { type: "string", alias: "b", valueHint: "NAME", description: "backend of new sessions" },
  "trust-worktrees": {
    type: "boolean",
    description: "answer Claude Code's question about trust for worktrees we make",
  },
};
