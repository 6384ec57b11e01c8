import type { Agent, AgentPlan, AgentPlanRequest, PermissionMode } from "@clauderon/core/contract";

import type { AgentOptions } from "./agent-options.ts";
import { CONTINUE_TEXT, continueNotice } from "./continue-headless.ts";
import { findConversation, type Conversation, noForkNotice, ONLY_CLAUDE } from "./conversation.ts";
import { agentCommand, findAgent, type AgentName } from "./find-agent.ts";
import { geminiConversation } from "./gemini-files.ts";
import { promptArgument } from "./prompt-argument.ts";

const gemini: AgentName = {
  agentId: "gemini",
  displayName: "Gemini CLI",
  installHint: "npm install --global @google/gemini-cli",
};

/** Gemini has no automatic review: `auto` lets it edit and asks for the rest. */
const approvalModes: Readonly<Record<PermissionMode, string>> = {
  ask: "default",
  edits: "auto_edit",
  auto: "auto_edit",
  bypass: "yolo",
};

/** Gemini CLI. It takes a conversation id of ours, and keeps it when it resumes. */
export function createGemini({ runner, settings }: AgentOptions): Agent {
  const command = settings.command ?? ["gemini"];
  return {
    ...gemini,
    find: (environment, options) => findAgent(command, runner, { ...options, environment }),
    plan: async (request, options) => {
      options?.signal?.throwIfAborted();
      const program = await agentCommand(gemini, command, request);
      return compose(request, await conversationOf(request), { program, isTrusted: settings.trustWorktrees === true });
    },
  };
}

async function conversationOf(request: AgentPlanRequest): Promise<Conversation> {
  // Inside a sandbox of its own the agent's files are not on this machine.
  if (request.isolation !== "none") return { conversationId: request.conversationId, isPresent: request.isResume };
  return findConversation(request.conversationId, (id) => geminiConversation(request.environment, id));
}

interface GeminiPlanParts {
  readonly program: readonly [string, ...string[]];
  readonly isTrusted: boolean;
}

function compose(request: AgentPlanRequest, conversation: Conversation, parts: GeminiPlanParts): AgentPlan {
  const { conversationId, isPresent } = conversation;
  const { isHeadless } = request;
  const prompt = promptArgument(isPresent ? { ...request, prompt: isHeadless ? CONTINUE_TEXT : "" } : request);
  const skipsTrust = isHeadless || parts.isTrusted || request.isolation !== "none";
  const mode = request.isPlanMode ? "plan" : approvalModes[request.permissionMode];
  return {
    argv: [
      ...parts.program,
      ...(skipsTrust ? ["--skip-trust"] : []),
      `--${isPresent ? "resume" : "session-id"}=${conversationId}`,
      `--approval-mode=${mode}`,
      ...(request.model === undefined ? [] : [`--model=${request.model}`]),
      ...(prompt.directory === undefined ? [] : [`--include-directories=${prompt.directory}`]),
      // `--flag=value` takes a value that begins with a dash.
      ...(prompt.text === undefined ? [] : [`--prompt${isHeadless ? "" : "-interactive"}=${prompt.text}`]),
    ],
    // Without it a launcher stays in front that ignores SIGTERM and SIGHUP.
    environment: { GEMINI_CLI_NO_RELAUNCH: "true" },
    files: prompt.files,
    notices: [
      ...modeNotices(request),
      ...(skipsTrust
        ? []
        : [
            "Gemini CLI asks in its terminal whether it may trust this folder, unless you answered for a folder around it.",
          ]),
      ...prompt.notices,
      ...(request.forkOf === undefined || isPresent ? [] : [noForkNotice(gemini.displayName, ONLY_CLAUDE)]),
      ...(isPresent && isHeadless ? [continueNotice(gemini.displayName)] : []),
    ],
    conversationId,
  };
}

function modeNotices({ isHeadless, isPlanMode, permissionMode }: AgentPlanRequest): readonly string[] {
  if (isPlanMode) {
    return permissionMode === "ask"
      ? []
      : [`Gemini CLI starts in plan mode; choose ${approvalModes[permissionMode]} when you accept its plan.`];
  }
  if (isHeadless && permissionMode !== "bypass") {
    return [
      "Headless, Gemini CLI offers the model no tool that would need permission; --permission-mode bypass allows all.",
    ];
  }
  return permissionMode === "auto"
    ? ["Gemini CLI has no automatic review: it edits files without asking and asks for the rest."]
    : [];
}
