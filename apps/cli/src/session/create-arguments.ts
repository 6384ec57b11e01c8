import type { Arguments } from "../command/command.ts";

export const createArguments = {
  name: { type: "positional", description: "name of the session; default: made from the prompt" },
  repo: { type: "string", alias: "r", valueHint: "PATH|URL", description: "repository; default: this directory" },
  prompt: { type: "string", alias: "p", valueHint: "TEXT", description: "what the agent is to do" },
  "prompt-file": {
    type: "string",
    valueHint: "FILE|-",
    description: "read the prompt from a file; - = standard input",
  },
  agent: {
    type: "string",
    alias: "a",
    valueHint: "NAME",
    description: "claude, codex, gemini or one of the configuration",
  },
  model: { type: "string", alias: "m", valueHint: "ID", description: "model of the agent" },
  "plan-mode": { type: "boolean", description: "the agent plans and asks before it changes anything" },
  "permission-mode": {
    type: "enum",
    options: ["ask", "edits", "auto", "bypass"],
    description: "how freely the agent may act",
  },
  print: {
    type: "boolean",
    description: "run the prompt without a terminal, stream the answer, exit with the agent's status",
  },
  backend: {
    type: "string",
    alias: "b",
    valueHint: "NAME|auto",
    description: "where it runs; default: see clauderon doctor",
  },
  branch: { type: "string", valueHint: "NAME", description: "work on this existing branch" },
  base: { type: "string", valueHint: "REF", description: "start from this commit; default: HEAD" },
  "with-changes": { type: "boolean", description: "copy your uncommitted changes into the session" },
  env: {
    type: "string",
    alias: "e",
    valueHint: "K=V",
    repeatable: true,
    description: "add to the agent's environment",
  },
  "env-file": { type: "string", valueHint: "FILE", description: "add the variables of a file" },
  attach: { type: "boolean", description: "attach when it runs; default on a terminal without a prompt" },
  detach: { type: "boolean", description: "do not attach" },
  ephemeral: { type: "boolean", description: "with --print or --attach: delete the session when the agent has ended" },
  wait: { type: "boolean", default: true, description: "return before the agent runs" },
  image: { type: "string", alias: "i", valueHint: "REF", description: "image, on backends that have images" },
  "pull-policy": {
    type: "enum",
    options: ["always", "if-not-present", "missing", "never"],
    description: "when the image is fetched",
  },
  "cpu-limit": { type: "string", valueHint: "N", description: "processors, on backends that can limit them" },
  "memory-limit": { type: "string", valueHint: "SIZE", description: "memory, on backends that can limit it" },
} as const satisfies Arguments;
