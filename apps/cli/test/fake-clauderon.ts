import type { Client } from "@clauderon/core/client";
import {
  SessionError,
  type CreateSessionRequest,
  type CreationProgress,
  type DeleteSessionRequest,
  type ModelSpending,
  type Session,
  type SessionCheckpoint,
  type SessionAccessChange,
  type SessionDetail,
  type SessionEvent,
  type MergeRequest,
  type SessionResult,
  type UndoRecord,
  type UndoRequest,
  type UnarchiveSessionRequest,
  type UploadFile,
  type WorkspaceStatus,
} from "@clauderon/core/contract";

import type { Access } from "../src/command/access.ts";

export const cleanWorkspace: WorkspaceStatus = {
  exists: true,
  staged: 0,
  unstaged: 0,
  untracked: 0,
  unreachedCommits: 0,
  files: [],
};

export function sessionDetail(name: string, patch: Partial<SessionDetail> = {}): SessionDetail {
  return {
    schemaVersion: 1,
    id: `id-of-${name}`,
    name,
    state: "running",
    lifecycle: "running",
    attention: "unknown",
    backend: "local",
    agent: "claude",
    repository: "/repository",
    branch: `clauderon/${name}`,
    workspace: `/home/worktrees/${name}`,
    createdAt: "2026-01-01T00:00:00.000Z",
    revision: 1,
    updatedAt: "2026-01-01T00:00:00.000Z",
    base: "0".repeat(40),
    permissionMode: "ask",
    isPlanMode: false,
    isHeadless: false,
    conversationId: "conversation",
    isolation: "none",
    accessMode: "read-write",
    network: "open",
    allow: [],
    deny: [],
    isAdvisory: true,
    notices: [],
    workspaceStatus: cleanWorkspace,
    ...patch,
  };
}

/** Sessions in memory: enough to see what the command line asks for. */
export class FakeClauderon implements Client {
  readonly details: Map<string, SessionDetail>;
  readonly created: CreateSessionRequest[] = [];
  readonly deleted: { readonly name: string; readonly request: DeleteSessionRequest | undefined }[] = [];
  readonly stopped: string[] = [];
  readonly unarchived: { readonly name: string; readonly request: UnarchiveSessionRequest | undefined }[] = [];
  readonly changed: { readonly name: string; readonly change: SessionAccessChange }[] = [];
  readonly uploaded: UploadFile[] = [];
  used: ModelSpending | undefined;
  onCreate: ((request: CreateSessionRequest, signal: AbortSignal | undefined) => Promise<void>) | undefined;
  progress: readonly CreationProgress[] = [];
  patchSession: ((session: Session) => Session) | undefined;
  eventList: readonly SessionEvent[] = [];
  undoUntil: string | undefined;
  isClosed = false;

  constructor(...details: readonly SessionDetail[]) {
    this.details = new Map(details.map((detail) => [detail.name, detail]));
  }

  readonly sessions: Client["sessions"] = {
    create: async (request, options) => {
      this.created.push(request);
      for (const progress of this.progress) options?.onProgress?.(progress);
      await this.onCreate?.(request, options?.signal);
      const detail = sessionDetail(request.name ?? "made-up", { notices: ["backend local: zellij is not installed"] });
      this.details.set(detail.name, detail);
      return this.#session(detail.name);
    },
    get: async (reference) => {
      const found = [...this.details.values()].find(({ id, name }) => id === reference || name === reference);
      if (found !== undefined) return this.#session(found.name);
      throw new SessionError({
        code: "session.not-found",
        message: `There is no session "${reference}"`,
        fix: ["see them: clauderon list"],
      });
    },
    list: async () => [...this.details.values()],
  };

  readonly undone: UndoRequest[] = [];
  readonly dropped: string[] = [];
  readonly takenBack: string[] = [];
  readonly results: { readonly name: string; readonly kind: string; readonly request?: MergeRequest | undefined }[] =
    [];
  undoRecords: readonly UndoRecord[] = [];

  readonly undo: Client["undo"] = {
    list: async () => this.undoRecords,
    restore: async (request = {}) => {
      this.undone.push(request);
      const detail = sessionDetail(request.name ?? request.reference ?? "last", { lifecycle: "stopped" });
      this.details.set(detail.name, detail);
      return this.#session(detail.name);
    },
    takeBack: async (id) => {
      const found = this.undoRecords.find((record) => record.id === id);
      if (found === undefined) throw new Error(`nothing is called ${id}`);
      this.takenBack.push(id);
      const { kind, name, repository, branch } = found;
      return { schemaVersion: 1, kind, id, name, repository, branch };
    },
    drop: async (id) => void this.dropped.push(id),
  };

  readonly checkpointCalls: (readonly unknown[])[] = [];
  checkpointList: readonly SessionCheckpoint[] = [];

  readonly checkpoints: Client["checkpoints"] = {
    create: async (session, request) => {
      this.checkpointCalls.push(["create", session, request]);
      return checkpoint({ note: request?.note });
    },
    list: async (session) => {
      this.checkpointCalls.push(["list", session]);
      return this.checkpointList;
    },
    restore: async (session, id) => {
      this.checkpointCalls.push(["restore", session, id]);
      return { schemaVersion: 1, session, id, undoId: "before", isStopped: true, notices: ["HEAD has no branch"] };
    },
    remove: async (ids) => void this.checkpointCalls.push(["remove", ids]),
    screen: async (id) => {
      this.checkpointCalls.push(["screen", id]);
      return "$ make\nevil\u001B[2J";
    },
    diff: async (call) => {
      this.checkpointCalls.push(["diff", call]);
      return "diff --git a/a b/a\n";
    },
  };

  async backends(): ReturnType<Client["backends"]> {
    const choice = { backendId: "local", reason: "zellij is not installed" };
    return { backends: [], default: choice, auto: { backendId: undefined, reason: "nothing isolates here" } };
  }

  async reconcile(): ReturnType<Client["reconcile"]> {
    return { isDryRun: false, findings: [], durationMs: 1 };
  }

  async *events(): AsyncGenerator<SessionEvent> {
    yield* this.eventList;
  }

  async connect(): ReturnType<Client["connect"]> {
    return { url: "http://127.0.0.1:1", token: "token" };
  }

  daemon(): ReturnType<Client["daemon"]> {
    return Promise.reject(new Error("daemon was not expected"));
  }

  attach(): ReturnType<Client["attach"]> {
    return Promise.reject(new Error("attach was not expected"));
  }

  async dismissViewers(): Promise<number> {
    return 0;
  }

  async crashPointNames(): Promise<readonly string[]> {
    return [];
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #becomes(name: string, lifecycle: "archived" | "stopped"): SessionDetail {
    const detail = { ...(this.details.get(name) ?? sessionDetail(name)), state: lifecycle, lifecycle };
    this.details.set(name, detail);
    return detail;
  }

  #session(name: string): Session {
    const detail = (): SessionDetail => this.details.get(name) ?? sessionDetail(name);
    const session: Session = {
      id: detail().id,
      name,
      detail: async () => detail(),
      ready: async () => undefined,
      exec: async () => ({ exitCode: 0, stdout: "", stderr: "", durationMs: 0 }),
      spawn: () => Promise.reject(new Error("spawn was not expected")),
      terminal: () => Promise.reject(new Error("terminal was not expected")),
      text: async () => "",
      diff: async () => "",
      upload: async (file) => {
        this.uploaded.push(file);
        const path = `/workspace/.clauderon/uploads/id/1-${file.name}`;
        return { schemaVersion: 1, session: name, name: file.name, path, sizeBytes: file.content.byteLength };
      },
      merge: async (request) => this.#result(name, "merge", request),
      apply: async () => this.#result(name, "apply"),
      start: async () => detail(),
      stop: async () => {
        this.stopped.push(name);
        return detail();
      },
      delete: async (request) => {
        this.deleted.push({ name, request });
        this.details.delete(name);
        return { id: detail().id, name, kept: [], undoUntil: this.undoUntil };
      },
      archive: async () => this.#becomes(name, "archived"),
      unarchive: async (request) => {
        this.unarchived.push({ name, request });
        return this.#becomes(name, "stopped");
      },
      changeAccess: async (change) => {
        this.changed.push({ name, change });
        const { allow = [], deny = [], remove: _remove, ...others } = change;
        this.details.set(name, sessionDetail(name, { ...others, allow, deny } as Partial<SessionDetail>));
        return detail();
      },
      budget: async () => ({
        schemaVersion: 1,
        id: detail().id,
        name,
        session: { limit: detail().budget, isReached: false, used: this.used },
        day: { isReached: false, used: this.used, date: "2026-01-01" },
      }),
      [Symbol.asyncDispose]: async () => undefined,
    };
    return this.patchSession?.(session) ?? session;
  }

  #result(name: string, kind: "merge" | "apply", request?: MergeRequest): SessionResult {
    this.results.push({ name, kind, request });
    return {
      schemaVersion: 1,
      kind,
      name,
      undoId: "id-of-result",
      isUpToDate: false,
      how: kind === "merge" ? "fast-forward" : "files",
      branch: kind === "merge" ? "main" : undefined,
      after: "0123456789abcdef",
      checkout: "/repository",
      files: ["a.txt"],
    };
  }
}

/** Leads every command to it. */
export function access(fake: FakeClauderon): Partial<Access> {
  return { connect: () => Promise.resolve(fake) };
}

export function checkpoint(given: Partial<SessionCheckpoint> = {}): SessionCheckpoint {
  return {
    schemaVersion: 1,
    id: "3f2a9c1d04be",
    sessionId: "id-fix",
    session: "fix",
    at: "2026-01-02T00:00:00.000Z",
    trigger: "user",
    head: "0123456789abcdef0123456789abcdef01234567",
    branch: "clauderon/fix",
    repository: "/repository",
    files: 3,
    skipped: [],
    ...given,
  };
}
