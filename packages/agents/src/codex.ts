import { join } from "node:path";

import type { Agent, AgentPlan, AgentPlanRequest, PermissionMode } from "@clauderon/core/contract";
import { proxyMark, systemClock } from "@clauderon/core/host";

import type { AgentOptions } from "./agent-options.ts";
import { findThread, readThreadsBefore, threadsBefore, type ThreadsBefore } from "./codex-threads.ts";
import { CONTINUE_TEXT, continueNotice } from "./continue-headless.ts";
import { noForkNotice, ONLY_CLAUDE } from "./conversation.ts";
import { directoryNames } from "./directory-names.ts";
import { agentCommand, findAgent, type AgentName } from "./find-agent.ts";
import { promptArgument } from "./prompt-argument.ts";

const codex: AgentName = {
  agentId: "codex",
  displayName: "Codex",
  installHint: "npm install --global @openai/codex",
};

/** Every way in which Codex is allowed to act, as the settings of its configuration that its flags stand for. */
const permissionSettings: Readonly<Record<PermissionMode, readonly string[]>> = {
  ask: ['approval_policy="on-request"', 'sandbox_mode="read-only"'],
  edits: ['approval_policy="on-request"', 'sandbox_mode="workspace-write"'],
  auto: [],
  bypass: [],
};

const permissionFlags: Readonly<Record<PermissionMode, readonly string[]>> = {
  ask: [],
  edits: [],
  auto: ["--approve-for-me"],
  bypass: ["--dangerously-bypass-approvals-and-sandbox"],
};

/**
 * Codex. It names its conversations itself: ours is found again in its files as the newest thread in the session's directory that was not there when the
 * session began.
 */
export function createCodex({ runner, settings }: AgentOptions): Agent {
  const command = settings.command ?? ["codex"];
  return {
    ...codex,
    find: (environment, options) => findAgent(command, runner, { ...options, environment }),
    plan: async (request, options) => {
      options?.signal?.throwIfAborted();
      const program = await agentCommand(codex, command, request);
      const thread = await threadOf(request);
      const before = thread === undefined ? await threadsBefore(request.environment, systemClock.now()) : undefined;
      const isTrusted = settings.trustWorktrees === true || request.isolation !== "none";
      const trusted = isTrusted ? await directoryNames(request.workspacePath) : [];
      return compose(request, { program, thread, before, trusted });
    },
  };
}

const beforePath = (request: AgentPlanRequest) => join(request.sessionDirectory, "codex-threads-before.json");

async function threadOf(request: AgentPlanRequest): Promise<string | undefined> {
  if (!request.isResume || request.isolation !== "none") return undefined;
  return findThread(
    request.environment,
    await directoryNames(request.workspacePath),
    await readThreadsBefore(beforePath(request)),
  );
}

interface CodexPlanParts {
  readonly program: readonly [string, ...string[]];
  readonly thread: string | undefined;
  readonly before: ThreadsBefore | undefined;
  /** Directories that Codex need not ask about. */
  readonly trusted: readonly string[];
}

function compose(request: AgentPlanRequest, parts: CodexPlanParts): AgentPlan {
  const { isHeadless, isPlanMode } = request;
  const { thread, before } = parts;
  const isResumed = thread !== undefined;
  const prompt = promptArgument(isResumed ? { ...request, prompt: isHeadless ? CONTINUE_TEXT : "" } : request);
  const mode = isPlanMode ? "ask" : request.permissionMode;
  const words = [thread, prompt.text].filter((word) => word !== undefined);
  return {
    argv: [
      ...parts.program,
      ...(isHeadless ? ["exec"] : ["--no-daemon"]),
      ...settingsOf(request, parts).flatMap((setting) => ["--config", setting]),
      ...permissionFlags[mode],
      ...(request.model === undefined ? [] : [`--model=${request.model}`]),
      ...(isHeadless ? ["--skip-git-repo-check"] : []),
      ...(isResumed ? ["resume"] : []),
      ...(words.length === 0 ? [] : ["--", ...words]),
    ],
    environment: {},
    files: [
      ...prompt.files,
      ...(before === undefined ? [] : [{ path: beforePath(request), content: JSON.stringify(before) }]),
    ],
    notices: [
      ...modeNotices(request),
      ...prompt.notices,
      ...(request.forkOf === undefined || isResumed ? [] : [noForkNotice(codex.displayName, ONLY_CLAUDE)]),
      ...(isResumed
        ? []
        : ["Codex chooses the id of its conversation itself; start finds it by the session's directory."]),
      ...(isResumed && isHeadless ? [continueNotice(codex.displayName)] : []),
    ],
    ...(isResumed ? { conversationId: thread } : {}),
  };
}

/** For this run alone; the user's own configuration applies below them and is not written. */
function settingsOf(request: AgentPlanRequest, parts: CodexPlanParts): readonly string[] {
  const trusted = parts.trusted.map((directory) => `${JSON.stringify(directory)}={trust_level="trusted"}`);
  // Headless nobody can be asked: Codex then takes a refusal for the answer.
  const permission = permissionSettings[request.isPlanMode ? "ask" : request.permissionMode].map((setting) =>
    request.isHeadless ? setting.replace("on-request", "never") : setting,
  );
  return [
    // Else two daemons are started that outlive the session.
    "features.daemon_auto_start=false",
    "check_for_update_on_startup=false",
    // Behind a credential proxy the key stays with the one host that it belongs to: else Codex asks chatgpt.com for models with it.
    ...(isProxied(request) ? ["features.api_key_model_discovery=false"] : []),
    ...permission,
    ...(trusted.length === 0 ? [] : [`projects={${trusted.join(",")}}`]),
  ];
}

/** The proxy's variables came with their names. */
function isProxied({ environment }: AgentPlanRequest): boolean {
  return environment[proxyMark]?.split(" ").includes("CODEX_CA_CERTIFICATE") === true;
}

function modeNotices({ isPlanMode, isHeadless, permissionMode }: AgentPlanRequest): readonly string[] {
  if (isPlanMode) return ["Codex has no flag for plan mode: it starts read-only and asks before it changes anything."];
  return isHeadless && permissionMode === "ask"
    ? ["Headless, nobody can be asked: Codex only reads. --permission-mode edits, auto or bypass allows more."]
    : [];
}
