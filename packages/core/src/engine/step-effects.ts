import { mkdir, rm } from "node:fs/promises";
import path from "node:path";

import type { Agent, AgentPlan } from "../contract/agent.ts";
import type { CallOptions } from "../contract/call-options.ts";
import type { Clock } from "../contract/clock.ts";
import { AgentError } from "../contract/errors/agent-error.ts";
import { ClauderonError } from "../contract/errors/clauderon-error.ts";
import type { GuestProgram } from "../contract/sandbox-spec.ts";
import type { Sandbox } from "../contract/sandbox.ts";
import type { SessionPatch } from "../contract/session-event.ts";
import type { SessionState } from "../contract/session-state.ts";
import type { RepositoryInfo, WorkspaceProvider, WorkspaceRequest, WorkspaceResult } from "../contract/workspace.ts";
import { nearest } from "../support/nearest.ts";
import type { BackendRegistry } from "./backend-registry.ts";
import type { ProxyPort, SessionIdentity } from "./engine.ts";
import { environmentOf } from "./environment-of.ts";
import type { StepName } from "./operation-steps.ts";
import { directoryInside, placePlannedFiles } from "./place-planned-files.ts";
import { rewind } from "./rewind.ts";
import type { SandboxCache } from "./sandbox-cache.ts";
import { sandboxParts } from "./sandbox-parts.ts";
import type { SandboxSync } from "./sandbox-sync.ts";
import { accessOf, networkPolicyOf } from "./session-access.ts";
import { withProxyVariables } from "./session-environment.ts";
import type { SessionSetup } from "./session-setup.ts";
import { takeResult } from "./take-result.ts";

/** What only the caller of an operation knows and nobody writes down. */
export interface OperationInput extends CallOptions {
  /** The whole environment of the session; absent after a restart of the daemon, when the sandbox itself still has it. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  readonly size?: { readonly columns: number; readonly rows: number } | undefined;
  /** As it was when the session was recorded a moment ago; absent = look again. */
  readonly repository?: RepositoryInfo | undefined;
  /** True when a crash cut the operation off. */
  readonly isResumed?: boolean | undefined;
  /** What the terminal showed before the session was stopped. */
  readonly scrollback?: string | undefined;
}

/** What a step did besides its effect. */
export interface StepOutcome {
  readonly patch?: SessionPatch | undefined;
  /** Sentences of a deletion: what stayed. */
  readonly kept?: readonly string[] | undefined;
  /** In place of the one that the operation came with; for the steps that follow, written down nowhere. */
  readonly environment?: OperationInput["environment"];
  /** True when what a deletion removed can be brought back. */
  readonly hasUndoRecord?: boolean | undefined;
  /** What a merge or an application of changes did. */
  readonly result?: WorkspaceResult | undefined;
}

export interface StepEffectsOptions {
  readonly homeDirectory: string;
  readonly registry: BackendRegistry;
  readonly sandboxes: SandboxCache;
  readonly workspaces: WorkspaceProvider;
  readonly agents: readonly Agent[];
  readonly branchPrefix: string;
  readonly sync: SandboxSync;
  readonly proxy: ProxyPort | undefined;
  readonly guest: GuestProgram | undefined;
  readonly clock: Clock;
  /** False when deleted sessions are not to be kept. */
  readonly keepsUndo: boolean;
  /** Patterns of untracked files that come along. */
  readonly include: readonly string[];
  readonly setup: SessionSetup;
}

/** The effects behind the steps' names. Each is idempotent: after a crash it is simply run again. */
export class StepEffects {
  readonly #options: StepEffectsOptions;

  constructor(options: StepEffectsOptions) {
    this.#options = options;
  }

  async run(step: StepName, state: SessionState, input: OperationInput): Promise<StepOutcome> {
    const kind = state.operation?.kind ?? "create";
    switch (step) {
      case "workspace":
        if (kind === "restore" || kind === "unarchive") return this.#restoreWorkspace(state);
        if (kind === "archive") return this.#archiveWorkspace(state);
        return kind === "delete" ? this.#removeWorkspace(state) : this.#createWorkspace(state, input);
      case "proxy":
        return kind === "delete" || kind === "archive" ? this.#revoke(state) : this.#admit(state, input);
      case "sandbox":
        if (kind === "delete" || kind === "archive") return this.#destroySandbox(state);
        if (kind === "stop") return this.#stopSandbox(state);
        return this.#startSandbox(state, input);
      case "agent":
        return this.#startAgent(state, input);
      case "files":
        return this.#removeFiles(state);
      case "result":
        return takeResult(state, { ...this.#options, isResumed: input.isResumed === true });
      case "checkpoint":
        return rewind(state, {
          ...this.#options,
          isResumed: input.isResumed === true,
          scrollback: input.scrollback,
        });
      default:
        return step satisfies never;
    }
  }

  async undo(step: StepName, state: SessionState): Promise<void> {
    switch (step) {
      case "sandbox":
        if (state.operation?.kind === "start") return void (await this.#stopSandbox(state));
        await this.#bringOutLast(state);
        await this.#destroySandbox(state);
        return;
      case "proxy":
        await this.#revoke(state);
        return;
      case "workspace":
        await this.#options.workspaces.undo(state.workspace, state.id);
        return;
      case "files":
        await this.#removeFiles(state);
        return;
      case "agent":
      case "result":
      case "checkpoint":
        return;
      default:
        step satisfies never;
    }
  }

  /** Throws `agent.unknown` with the nearest name. */
  agent(agentId: string): Agent {
    const agent = this.#options.agents.find((candidate) => candidate.agentId === agentId);
    if (agent !== undefined) return agent;
    const known = this.#options.agents.map((candidate) => candidate.agentId);
    const guess = nearest(agentId, known);
    throw new AgentError({
      code: "agent.unknown",
      message: `There is no agent called ${JSON.stringify(agentId)}`,
      why: `known are ${known.join(", ")}`,
      fix: [
        guess === undefined ? `choose one of them: --agent ${known[0] ?? "claude"}` : `did you mean --agent ${guess}?`,
        `name it in config.toml: [agents.${agentId}] command = ["…"]`,
        "config.toml is read when the daemon starts: clauderon daemon restart",
      ],
      context: { agent: agentId, known },
    });
  }

  /** Who the session is to its proxy. */
  identity(state: SessionState): SessionIdentity {
    const { id, name, backend, isolation, workspace } = state;
    return {
      id,
      name,
      backend,
      isolation,
      hasChannel: this.#options.registry.get(backend).capabilities.channel,
      access: accessOf(state),
      branch: workspace.branch,
      pushUrl: () => this.#options.workspaces.pushUrl(workspace),
    };
  }

  sessionDirectory(id: string): string {
    return path.join(this.#options.homeDirectory, "state", "sessions", id);
  }

  async #createWorkspace(state: SessionState, input: OperationInput): Promise<StepOutcome> {
    const { workspaces, branchPrefix, include } = this.#options;
    const options: CallOptions = { signal: input.signal };
    const repository = input.repository ?? (await workspaces.resolve(state.workspace.repositoryPath, options));
    const request: WorkspaceRequest = {
      ...state.workspaceRequest,
      sessionId: state.id,
      name: state.name,
      repository,
      branchPrefix,
      include: { patterns: include, isFileRead: state.isolation === "none" },
      ...(state.workspace.kind === "private" ? { isPrivate: true } : {}),
      ...(state.workspace.kind === "remote" ? { isRemote: true } : {}),
    };
    const { copied, notices } = await workspaces.create(request, state.workspace, options);
    if (copied.length + notices.length === 0) return {};
    return { patch: { copied, notices: added(state.notices, [...describeCopies(copied), ...notices]) } };
  }

  /** What of the user's checkout a new session does not have. Never rejects. */
  async #leftBehind(state: SessionState, input: OperationInput): Promise<readonly string[]> {
    if (state.operation?.kind !== "create" || state.workspaceRequest.withChanges) return [];
    if (state.workspaceRequest.checkpoint !== undefined) return [];
    const options: CallOptions = { signal: input.signal };
    const { repositoryPath } = state.workspace;
    try {
      const repository = input.repository ?? (await this.#options.workspaces.resolve(repositoryPath, options));
      const { count, files } = await this.#options.workspaces.changes(repository, {
        ...options,
        except: state.copied,
      });
      if (count === 0) return [];
      const changes = count === 1 ? "change stays" : "changes stay";
      const named = files.slice(0, 3).join(", ") + (count > 3 ? ", …" : "");
      return [`${count} uncommitted ${changes} behind in ${repositoryPath} (${named}); --with-changes copies them`];
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return [`whether uncommitted changes stay behind in ${repositoryPath} cannot be said: ${why}`];
    }
  }

  async #removeWorkspace(state: SessionState): Promise<StepOutcome> {
    const deletion = state.operation?.deletion ?? {};
    const { operation: _operation, ...idle } = state;
    const removal = await this.#options.workspaces.remove(state.workspace, {
      sessionId: state.id,
      force: deletion.discard === true,
      keepBranch: deletion.keepBranch === true,
      keepWorktree: deletion.keepWorktree === true,
      dropIgnored: deletion.ignored === "drop",
      undo: this.#options.keepsUndo ? { at: this.#options.clock.now().toISOString(), session: idle } : undefined,
    });
    // An archived session lies in such a record, whether or not deleted ones are to be kept.
    if (!this.#options.keepsUndo) await this.#options.workspaces.undoRecords.remove(state.id);
    return {
      hasUndoRecord: this.#options.keepsUndo && removal.hasUndoRecord === true,
      kept: [
        ...(removal.keptBranch === undefined
          ? []
          : [`branch ${removal.keptBranch.name} stays: ${removal.keptBranch.reason}`]),
        ...(removal.keptDetached === undefined
          ? []
          : [`branch ${removal.keptDetached.name} was made: ${removal.keptDetached.reason}`]),
        ...(removal.keptWorktree === undefined ? [] : [`the worktree stays: ${removal.keptWorktree}`]),
      ],
    };
  }

  async #archiveWorkspace(state: SessionState): Promise<StepOutcome> {
    const { operation: _operation, ...idle } = state;
    const at = this.#options.clock.now().toISOString();
    await this.#options.workspaces.remove(state.workspace, {
      sessionId: state.id,
      force: true,
      keepBranch: true,
      undo: { at, session: idle, isRequired: true },
    });
    return {};
  }

  async #admit(state: SessionState, { environment, signal }: OperationInput): Promise<StepOutcome> {
    const { proxy } = this.#options;
    if (proxy === undefined || environment === undefined) return {};
    const { agent } = state;
    const sessionDirectory = this.sessionDirectory(state.id);
    const session = { ...this.identity(state), agent, environment, sessionDirectory };
    const variables = await proxy.admit(session, { signal });
    return { environment: withProxyVariables(environment, variables) };
  }

  async #revoke(state: SessionState): Promise<StepOutcome> {
    // A start that failed must not give the session its budget anew.
    await this.#options.proxy?.revoke(state.id, { keepsUse: state.operation?.kind === "start" });
    return {};
  }

  async #restoreWorkspace(state: SessionState): Promise<StepOutcome> {
    const workspace = state.operation?.workspace ?? state.workspace;
    await this.#options.workspaces.undoRecords.restore(state.operation?.undoId ?? "", {
      sessionId: state.id,
      name: state.name,
      repository: { path: workspace.repositoryPath, commonDirectory: workspace.commonDirectory },
    });
    return { patch: { workspace } };
  }

  async #startSandbox(state: SessionState, input: OperationInput): Promise<StepOutcome> {
    const options: CallOptions = { signal: input.signal };
    const { sandboxes, registry, workspaces } = this.#options;
    const backend = registry.get(state.backend);
    const existing = state.operation?.kind === "start" ? await sandboxes.find(state, options) : undefined;
    if (existing !== undefined) {
      try {
        await existing.start({
          ...(await sandboxParts(state, this.#options)),
          environment: input.environment,
          ...options,
        });
        await workspaces.send(state.workspace, existing, options);
        return {};
      } catch (error) {
        if (!ClauderonError.isInstance(error, "sandbox.not-found")) throw error;
        // Somebody removed it: the session gets another.
        await sandboxes.drop(state.id);
      }
    }
    const workspace = await workspaces.mount(state.workspace);
    const lost = state.operation?.kind === "start" ? await lostWith(workspaces, state) : [];
    const sandbox = await backend.create(
      {
        sandboxId: state.id,
        name: state.name,
        workspace,
        environment: input.environment ?? {},
        network: networkPolicyOf(accessOf(state), backend.capabilities),
        ...(await sandboxParts(state, this.#options)),
        ...state.sandbox,
      },
      options,
    );
    sandboxes.put(sandbox);
    await workspaces.send(state.workspace, sandbox, options);
    return lost.length === 0 ? {} : { patch: { notices: added(state.notices, lost) } };
  }

  async #stopSandbox(state: SessionState): Promise<StepOutcome> {
    const sandbox = await this.#options.sandboxes.find(state);
    await sandbox?.stop({ graceMs: state.operation?.graceMs });
    return {};
  }

  async #destroySandbox(state: SessionState): Promise<StepOutcome> {
    const { sandboxes } = this.#options;
    const sandbox = await sandboxes.find(state);
    await sandbox?.destroy({ graceMs: state.operation?.graceMs });
    await sandboxes.drop(state.id);
    return {};
  }

  /** Of a creation that is taken back: what ran inside may have written something. */
  async #bringOutLast(state: SessionState): Promise<void> {
    if (state.workspace.kind !== "remote") return;
    const { sandboxes, workspaces } = this.#options;
    try {
      const sandbox = await sandboxes.find(state);
      if (sandbox !== undefined) await workspaces.sync(state.workspace, sandbox, { isLast: true });
    } catch {
      // It was never sent, or cannot be asked: then the workspace knows what it does not know, and stays.
    }
  }

  async #startAgent(state: SessionState, input: OperationInput): Promise<StepOutcome> {
    const options: CallOptions = { signal: input.signal };
    const sandbox = await this.#options.sandboxes.require(state, options);
    // What was gone back to on this machine has to be there before the agent looks.
    if (state.operation?.kind === "start" && state.workspace.kind === "private")
      await this.#options.sync.now(state, options);
    const launchId = state.operation?.launchId ?? state.id;
    const status = await sandbox.inspect(options);
    // After a crash the launch may have happened already: its receipt is all that is missing.
    if (status.agent.launchId === launchId && status.agent.state !== "none") return { patch: { launchId } };
    // A part of this step and not one of its own: most sessions have no setup, and a receipt is a write to the disk.
    const readied =
      state.operation?.kind === "create" ? await this.#options.setup.run(state, { sandbox, ...options }) : [];
    const plan = await this.#planAgent(state, { sandbox, input }, options);
    await sandbox.startAgent(
      {
        launchId,
        argv: plan.argv,
        environment: plan.environment,
        mode: state.request.isHeadless && state.launchId === undefined ? "headless" : "terminal",
        size: input.size,
      },
      options,
    );
    // The agent does not wait for it: looking takes as long as a good part of a creation. Said once, however often the step is run.
    const leftBehind = await this.#leftBehind(state, input);
    const notices = added(state.notices, [...readied, ...leftBehind, ...plan.notices]);
    return {
      patch: {
        launchId,
        ...(plan.conversationId === undefined ? {} : { conversationId: plan.conversationId }),
        ...(notices.length === state.notices.length ? {} : { notices }),
      },
    };
  }

  async #planAgent(
    state: SessionState,
    from: { readonly sandbox: Sandbox; readonly input: OperationInput },
    options: CallOptions,
  ): Promise<AgentPlan> {
    const isHere = state.isolation === "none";
    const given = isHere ? from.input.environment : undefined;
    const environment = given ?? (await environmentOf(from.sandbox, options));
    const ownDirectory = this.sessionDirectory(state.id);
    await mkdir(ownDirectory, { recursive: true, mode: 0o700 });
    const sessionDirectory = isHere ? ownDirectory : directoryInside(environment);
    const plan = await this.agent(state.agent).plan(
      {
        ...state.request,
        isHeadless: state.request.isHeadless && state.launchId === undefined,
        sessionName: state.name,
        conversationId: state.conversationId,
        isResume: state.launchId !== undefined,
        workspacePath: from.sandbox.workspacePath,
        sessionDirectory,
        environment,
        isolation: state.isolation,
        hookCommand: from.sandbox.hookCommand,
      },
      options,
    );
    const place = { directory: sessionDirectory, sandbox: isHere ? undefined : from.sandbox };
    await placePlannedFiles(plan.files, place, options);
    return plan;
  }

  async #removeFiles(state: SessionState): Promise<StepOutcome> {
    await rm(this.sessionDirectory(state.id), { recursive: true, force: true });
    if (state.operation?.kind === "delete" || state.operation?.undo?.forgetsSession === true)
      await this.#options.setup.forget(state.id);
    return {};
  }
}

/** What a sandbox that is gone, and shared no files with this machine, has taken along. */
async function lostWith(workspaces: WorkspaceProvider, { workspace }: SessionState): Promise<readonly string[]> {
  if (workspace.kind !== "remote") return [];
  const { unsynced } = await workspaces.status(workspace);
  if (unsynced === undefined) return [];
  return [`the sandbox is a new one: what was done in the one before since ${unsynced.since} did not come out of it`];
}

/** Each sentence once, however often the step is run. */
function added(notices: readonly string[], more: readonly string[]): readonly string[] {
  return [...new Set([...notices, ...more])];
}

function describeCopies(copied: readonly string[]): readonly string[] {
  if (copied.length === 0) return [];
  return [
    `copied from your checkout: ${copied.slice(0, 5).join(", ")}${copied.length > 5 ? `, … (${copied.length})` : ""}`,
  ];
}
