import { UsageError, type Agent, type AgentPlanRequest, type CommandRunner } from "@clauderon/core/contract";

import { noForkNotice, ONLY_CLAUDE } from "./conversation.ts";
import { agentCommand, findAgent, type AgentName } from "./find-agent.ts";
import { promptArgument } from "./prompt-argument.ts";

const PLACE = "{prompt}";

export interface CustomAgentOptions {
  readonly runner: CommandRunner;
  readonly command: readonly [string, ...string[]];
}

/**
 * Any command of the user's own. The prompt stands where `{prompt}` does, else at the end; without a prompt, and on resume, arguments that hold
 * `{prompt}` are left out. Nothing else can be told to it.
 */
export function createCustomAgent(name: string, { runner, command }: CustomAgentOptions): Agent {
  const agent: AgentName = {
    agentId: name,
    displayName: name,
    installHint: `put ${command[0]} on PATH, or correct command in [agents.${name}] of the configuration`,
  };
  return {
    ...agent,
    find: (environment, options) => findAgent([command[0]], runner, { ...options, environment }),
    plan: async (request, options) => {
      options?.signal?.throwIfAborted();
      refuseOptions(name, request);
      const [program, ...rest] = await agentCommand(agent, command, request);
      const prompt = promptArgument(request.isResume ? { ...request, prompt: "" } : request);
      return {
        argv: [program, ...withPrompt(rest, prompt.text)],
        environment: {},
        files: prompt.files,
        notices: [
          ...prompt.notices,
          ...(request.forkOf === undefined || request.isResume ? [] : [noForkNotice(name, ONLY_CLAUDE)]),
          ...(request.isResume
            ? [`${name} is started anew, without the prompt: clauderon does not know how it resumes.`]
            : []),
        ],
      };
    },
  };
}

function withPrompt(args: readonly string[], prompt: string | undefined): readonly string[] {
  const hasPlace = args.some((argument) => argument.includes(PLACE));
  if (prompt === undefined) return args.filter((argument) => !argument.includes(PLACE));
  return hasPlace ? args.map((argument) => argument.replaceAll(PLACE, () => prompt)) : [...args, prompt];
}

function refuseOptions(name: string, { model, isPlanMode, permissionMode }: AgentPlanRequest): void {
  const option = isPlanMode
    ? "--plan-mode"
    : model !== undefined
      ? "--model"
      : permissionMode !== "ask"
        ? "--permission-mode"
        : undefined;
  if (option === undefined) return;
  throw new UsageError({
    message: `The agent ${name} cannot be told ${option}`,
    why: "it is a command of the configuration, run as it stands there",
    fix: [
      `leave ${option} out`,
      `write what it needs into command in [agents.${name}]: clauderon config set agents.${name}.command '["…"]'`,
    ],
    context: { agent: name, option },
  });
}
