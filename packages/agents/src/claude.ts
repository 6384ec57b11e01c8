import { existsSync } from "node:fs";
import { join } from "node:path";

import {
  UsageError,
  type Agent,
  type AgentPlan,
  type AgentPlanRequest,
  type PermissionMode,
} from "@clauderon/core/contract";

import type { AgentOptions } from "./agent-options.ts";
import { claudeConversation, claudeConversationPlace, isTrustedByClaude } from "./claude-files.ts";
import { claudeHooks } from "./claude-hooks.ts";
import { CONTINUE_TEXT, continueNotice } from "./continue-headless.ts";
import { findConversation, type Conversation, noForkNotice } from "./conversation.ts";
import { directoryNames } from "./directory-names.ts";
import { agentCommand, findAgent, type AgentName } from "./find-agent.ts";
import { promptArgument } from "./prompt-argument.ts";

const claude: AgentName = {
  agentId: "claude",
  displayName: "Claude Code",
  installHint: "npm install --global @anthropic-ai/claude-code",
};

const permissionFlags: Readonly<Record<PermissionMode, string>> = {
  ask: "default",
  edits: "acceptEdits",
  auto: "auto",
  bypass: "bypassPermissions",
};

/** Claude Code. It takes a conversation id of ours, and keeps it when it resumes. */
export function createClaude({ runner, settings, isRoot = process.getuid?.() === 0 }: AgentOptions): Agent {
  const command = settings.command ?? ["claude"];
  return {
    ...claude,
    find: (environment, options) => findAgent(command, runner, { ...options, environment }),
    plan: async (request, options) => {
      options?.signal?.throwIfAborted();
      refuseRootBypass(request, isRoot);
      const program = await agentCommand(claude, command, request);
      const conversation = await conversationOf(request);
      const forkOf = conversation.isPresent ? undefined : request.forkOf;
      const lost = forkOf === undefined ? undefined : await whyNotForked(request, forkOf);
      const notices = [
        ...(lost === undefined ? [] : [noForkNotice(claude.displayName, lost)]),
        ...permissionNotices(request),
        ...(await trustNotices(request, settings.trustWorktrees === true)),
      ];
      return compose(request, conversation, { program, notices, forkOf: lost === undefined ? forkOf : undefined });
    },
  };
}

/** Claude Code itself refuses, a second after its start and in other words. */
function refuseRootBypass(request: AgentPlanRequest, isRoot: boolean): void {
  const isAsked = request.permissionMode === "bypass" && !request.isPlanMode;
  if (!isAsked || request.isolation !== "none" || !isRoot || request.environment["IS_SANDBOX"] === "1") return;
  throw new UsageError({
    message: "Claude Code does not bypass permissions as root",
    why: "nothing would stand between it and this machine",
    fix: [
      "--permission-mode auto (or edits)",
      "run clauderon as an ordinary user",
      "on a machine that is itself a sandbox: export IS_SANDBOX=1 and repeat the command",
    ],
    context: { agent: claude.agentId },
  });
}

async function conversationOf(request: AgentPlanRequest): Promise<Conversation> {
  // Inside a sandbox of its own the agent's files are not on this machine.
  if (request.isolation !== "none") return { conversationId: request.conversationId, isPresent: request.isResume };
  return findConversation(request.conversationId, (id) => claudeConversation(request.environment, id));
}

/** Claude Code finds conversations of all worktrees of the repository, as long as they are there. */
async function whyNotForked({ environment, isolation }: AgentPlanRequest, id: string): Promise<string | undefined> {
  if (isolation !== "none") return "the other one is not in this sandbox";
  const place = await claudeConversationPlace(environment, id);
  if (place === undefined) return "nothing of it is among Claude Code's files";
  return existsSync(place) ? undefined : `its directory is gone: ${place}`;
}

function permissionNotices(request: AgentPlanRequest): readonly string[] {
  if (request.isPlanMode && request.permissionMode !== "ask") {
    return [
      `Claude Code starts in plan mode; choose ${permissionFlags[request.permissionMode]} when you accept its plan.`,
    ];
  }
  return request.isHeadless && (request.isPlanMode || request.permissionMode === "ask")
    ? [
        "Headless, nobody can be asked: Claude Code refuses what needs permission. --permission-mode edits, auto or bypass allows more.",
      ]
    : [];
}

async function trustNotices(request: AgentPlanRequest, isWanted: boolean): Promise<readonly string[]> {
  const { environment, isolation, isHeadless, workspacePath } = request;
  if (isHeadless || isolation !== "none" || environment["CLAUDE_CODE_SANDBOXED"] === "1") return [];
  const [named = workspacePath, real = named] = await directoryNames(workspacePath);
  if (await isTrustedByClaude(environment, real)) return [];
  return isWanted
    ? ["Claude Code does not know yet that worktrees are trusted and asks in its terminal: clauderon init tells it."]
    : ["Claude Code asks in its terminal whether it may work in this folder; clauderon init answers for all sessions."];
}

interface ClaudePlanParts {
  readonly program: readonly [string, ...string[]];
  readonly notices: readonly string[];
  /** A conversation of another session, to begin with a copy of. */
  readonly forkOf: string | undefined;
}

function compose(request: AgentPlanRequest, conversation: Conversation, parts: ClaudePlanParts): AgentPlan {
  const { conversationId, isPresent } = conversation;
  const prompt = promptArgument(isPresent ? { ...request, prompt: request.isHeadless ? CONTINUE_TEXT : "" } : request);
  const mode = request.isPlanMode ? "plan" : permissionFlags[request.permissionMode];
  const isBypass = mode === "bypassPermissions";
  const settingsPath = join(request.sessionDirectory, "claude-settings.json");
  const settings = {
    ...(isBypass ? { skipDangerousModePermissionPrompt: true } : {}),
    ...(request.hookCommand === undefined ? {} : { hooks: claudeHooks(request.hookCommand) }),
  };
  const hasSettings = Object.keys(settings).length > 0;
  const isIsolated = request.isolation !== "none";
  return {
    argv: [
      ...parts.program,
      ...(request.isHeadless ? ["--print"] : []),
      ...(parts.forkOf === undefined ? [] : ["--resume", parts.forkOf, "--fork-session"]),
      isPresent ? "--resume" : "--session-id",
      conversationId,
      "--permission-mode",
      mode,
      ...(request.model === undefined ? [] : [`--model=${request.model}`]),
      ...(hasSettings ? ["--settings", settingsPath] : []),
      ...(prompt.directory === undefined ? [] : ["--add-dir", prompt.directory]),
      // Several flags take many values: without `--` they would take the prompt too.
      ...(prompt.text === undefined ? [] : ["--", prompt.text]),
    ],
    environment: isIsolated ? { CLAUDE_CODE_SANDBOXED: "1", IS_SANDBOX: "1" } : {},
    files: [...prompt.files, ...(hasSettings ? [{ path: settingsPath, content: JSON.stringify(settings) }] : [])],
    notices: [
      ...parts.notices,
      ...prompt.notices,
      ...(isPresent && request.isHeadless ? [continueNotice(claude.displayName)] : []),
    ],
    conversationId,
  };
}
