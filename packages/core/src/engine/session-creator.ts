import { randomUUID } from "node:crypto";

import type { Agent } from "../contract/agent.ts";
import type { Backend } from "../contract/backend.ts";
import type { CallOptions } from "../contract/call-options.ts";
import type { CreateSessionOptions } from "../contract/clauderon.ts";
import type { Clock } from "../contract/clock.ts";
import { SessionError } from "../contract/errors/session-error.ts";
import { WorkspaceError } from "../contract/errors/workspace-error.ts";
import { requireCapabilities } from "../contract/require-capabilities.ts";
import type { SessionAccess } from "../contract/session-access.ts";
import type { SessionState } from "../contract/session-state.ts";
import type { CreateSessionRequest } from "../contract/session.ts";
import type { RepositoryInfo, WorkspaceProvider, WorkspaceRequest } from "../contract/workspace.ts";
import type { BackendRegistry } from "./backend-registry.ts";
import { checkAccess } from "./check-access.ts";
import { checkCreateRequest } from "./check-create-request.ts";
import type { EngineSettings, ProxyPort } from "./engine.ts";
import type { EventLog } from "./event-log.ts";
import { sessionOf } from "./rewind.ts";
import { needsProxy, refuseUnenforced, requestedAccess } from "./session-access.ts";
import { nameFromPrompt } from "./session-name.ts";
import type { StepEffects } from "./step-effects.ts";

export interface SessionCreatorOptions {
  readonly log: EventLog;
  readonly registry: BackendRegistry;
  readonly workspaces: WorkspaceProvider;
  readonly effects: StepEffects;
  readonly settings: EngineSettings;
  readonly clock: Clock;
  readonly proxy: ProxyPort | undefined;
}

export interface RecordedSession {
  readonly state: SessionState;
  readonly repository: RepositoryInfo;
}

interface SessionFacts {
  readonly id: string;
  readonly agent: Agent;
  readonly backend: Backend;
  /** Why this backend. */
  readonly reason: string;
  readonly repository: RepositoryInfo;
  readonly forkOf?: string | undefined;
}

/** Turns a request into a recorded session: everything that can be refused is refused before the row is written. */
export class SessionCreator {
  readonly #options: SessionCreatorOptions;
  /** Names between their choice and their row. */
  readonly #reserved = new Set<string>();

  constructor(options: SessionCreatorOptions) {
    this.#options = options;
  }

  async record(
    asked: CreateSessionRequest,
    { onProgress, ...options }: Pick<CreateSessionOptions, "signal" | "onProgress">,
  ): Promise<RecordedSession> {
    const { registry, effects, workspaces } = this.#options;
    checkCreateRequest(asked);
    const { request, forkOf } =
      asked.checkpoint === undefined ? { request: asked } : await fromCheckpoint(workspaces, asked, options);
    const agent = effects.agent(request.agent ?? this.#options.settings.defaultAgent ?? "claude");
    if (request.name !== undefined && this.#isTaken(request.name)) throw nameTaken(request.name, this.#isTaken);
    const id = randomUUID();
    try {
      const [{ backend, reason }, repository] = await Promise.all([
        registry.choose(request.backend, options),
        workspaces.resolve(request.repository, {
          ...options,
          onProgress,
          forSession: request.base === undefined && request.branch === undefined ? id : undefined,
        }),
      ]);
      requirePowers(backend, request);
      return await this.#write(request, { id, agent, backend, reason, repository, forkOf }, options);
    } catch (error) {
      await workspaces.release(id);
      throw error;
    }
  }

  async #write(request: CreateSessionRequest, facts: SessionFacts, options: CallOptions): Promise<RecordedSession> {
    const { settings, workspaces } = this.#options;
    const { id, agent, backend, reason, repository, forkOf } = facts;
    const access = this.#access(request, backend);
    const name = this.#reserve(request, repository);
    try {
      const workspaceRequest = {
        base: request.base,
        branch: request.branch,
        withChanges: request.withChanges === true,
        ...(request.checkpoint === undefined ? {} : { checkpoint: request.checkpoint }),
        ...(request.isSetupTrusted === true ? { isSetupTrusted: true } : {}),
      };
      const planned: WorkspaceRequest = {
        ...workspaceRequest,
        sessionId: id,
        name,
        repository,
        branchPrefix: settings.branchPrefix ?? "clauderon/",
        ...(backend.capabilities.workspace === "mounted" ? { isPrivate: true } : {}),
        ...(backend.capabilities.workspace === "remote" ? { isRemote: true } : {}),
      };
      const workspace = await workspaces.plan(planned, options);
      options.signal?.throwIfAborted();
      const state: Omit<SessionState, "revision" | "updatedAt"> = {
        id,
        name,
        lifecycle: "creating",
        backend: backend.backendId,
        agent: agent.agentId,
        request: {
          prompt: request.prompt,
          model: request.model,
          isPlanMode: request.isPlanMode === true,
          permissionMode: request.permissionMode ?? "ask",
          isHeadless: request.isHeadless === true,
          ...(forkOf === undefined ? {} : { forkOf }),
        },
        conversationId: randomUUID(),
        isolation: backend.capabilities.isolation,
        workspace,
        workspaceRequest,
        sandbox: { image: request.image, pullPolicy: request.pullPolicy, limits: request.limits },
        access,
        notices: notices({ backend, reason, request, access }),
        idempotencyKey: request.idempotencyKey,
        operation: { kind: "create", operationId: randomUUID(), receipts: [], launchId: randomUUID() },
        createdAt: this.#options.clock.now().toISOString(),
      };
      const stored = await this.#options.log.commit(id, { type: "create", state }, "create.requested");
      if (stored === undefined) throw nameTaken(name, this.#isTaken);
      return { state: stored, repository };
    } finally {
      this.#reserved.delete(name);
    }
  }

  #access(request: CreateSessionRequest, backend: Backend): SessionAccess {
    const { settings, proxy } = this.#options;
    const { backendId, capabilities } = backend;
    const access = requestedAccess(request, { defaults: settings.access ?? {}, capabilities });
    refuseUnenforced(access, backend);
    checkAccess(proxy, {
      backend: backendId,
      isolation: capabilities.isolation,
      hasChannel: capabilities.channel,
      access,
    });
    return access;
  }

  readonly #isTaken = (name: string): boolean => this.#reserved.has(name) || this.#options.log.has(name);

  #reserve(request: CreateSessionRequest, repository: RepositoryInfo): string {
    if (request.name !== undefined) {
      if (this.#isTaken(request.name)) throw nameTaken(request.name, this.#isTaken);
    }
    const name = request.name ?? nameFromPrompt(request.prompt, repository.path, this.#isTaken);
    this.#reserved.add(name);
    return name;
  }
}

/** Commit, repository, agent and, where the agent is the same, conversation are those of the checkpoint. */
async function fromCheckpoint(
  workspaces: WorkspaceProvider,
  request: CreateSessionRequest,
  options: CallOptions,
): Promise<{ readonly request: CreateSessionRequest; readonly forkOf?: string | undefined }> {
  const checkpoint = await workspaces.checkpoints.get(request.checkpoint ?? "", options);
  const { head, repositoryPath, id } = checkpoint;
  if (head === undefined) {
    throw new WorkspaceError({
      code: "checkpoint.refused",
      message: `No session can be made from the checkpoint ${id}`,
      why: "there was no commit yet when it was made",
      fix: [`go back to it in its own session: clauderon checkpoint restore ${checkpoint.name} ${id}`],
      context: { id },
    });
  }
  const session = sessionOf(checkpoint);
  const agent = request.agent ?? session?.agent;
  const forkOf = agent === session?.agent ? session?.conversationId : undefined;
  return { request: { ...request, repository: repositoryPath, base: head, agent }, forkOf };
}

function nameTaken(name: string, isTaken: (name: string) => boolean): SessionError {
  const free = nameFromPrompt(name, name, isTaken);
  return new SessionError({
    code: "session.name-taken",
    message: `There is a session called ${name} already`,
    fix: [`take a free name: clauderon create ${free}`, `or go to the one there is: clauderon attach ${name}`],
    context: { name, free },
  });
}

function requirePowers(backend: Backend, request: CreateSessionRequest): void {
  const spec = { image: request.image, pullPolicy: request.pullPolicy, limits: request.limits };
  requireCapabilities(backend.backendId, backend.capabilities, {
    ...spec,
    sandboxId: "",
    name: "",
    workspace: {},
    environment: {},
  });
}

function notices({
  backend,
  reason,
  request,
  access,
}: {
  readonly backend: Backend;
  readonly reason: string;
  readonly request: CreateSessionRequest;
  readonly access: SessionAccess;
}): readonly string[] {
  return [
    `backend ${backend.backendId}: ${reason}`,
    ...(backend.capabilities.isolation === "none"
      ? [
          "no isolation: the agent can do on this machine whatever you can",
          ...(needsProxy(access, "none")
            ? ["access, network and budget are advisory: the agent can go round the proxy"]
            : []),
        ]
      : []),
    ...((request.allow ?? []).length > 0 && access.network === "open" && backend.capabilities.isolation === "none"
      ? ["the network is open: what is allowed beside it counts only once it is listed"]
      : []),
  ];
}
