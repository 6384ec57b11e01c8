import { join, resolve } from "node:path";

import {
  type CommandRunner,
  type Logger,
  silentLogger,
  type WorkspaceFinding,
  type WorkspaceProvider,
} from "@clauderon/core/contract";

import { createCheckpoints } from "./checkpoints/create-checkpoints.ts";
import { handOver, removeAllCheckpoints, sweepCheckpoints } from "./checkpoints/remove-checkpoints.ts";
import { createRepositoryClones } from "./clone-repository.ts";
import { createEarlyDrafts } from "./early-drafts.ts";
import { createGit } from "./git.ts";
import { makeWorkspace } from "./make-workspace.ts";
import { createMirrors, type Mirrors } from "./mirrors.ts";
import { planRestore } from "./plan-restore.ts";
import { planWorkspace } from "./plan-workspace.ts";
import type { SyncLimits } from "./private/fetch-sandbox.ts";
import { goBackFirst } from "./private/go-back-first.ts";
import { inTurn } from "./private/in-turn.ts";
import { makePrivate } from "./private/make-private.ts";
import { mountOf } from "./private/private-places.ts";
import { syncPrivate } from "./private/sync-private.ts";
import { readPushUrl } from "./read-push-url.ts";
import { readDiff, readStatus } from "./read-workspace.ts";
import { sendRemote } from "./remote/send-remote.ts";
import { removeWorkspace, undoWorkspace } from "./remove-workspace.ts";
import { isRepositoryUrl, validateRepositoryUrl } from "./repository-url.ts";
import { inspectGit } from "./repository/inspect-git.ts";
import { requireGit } from "./repository/require-git.ts";
import { readChanges, resolveRepository } from "./resolve-repository.ts";
import { restoreWorkspace } from "./restore-workspace.ts";
import { createResults } from "./results/create-results.ts";
import { createScratchDirectories } from "./scratch-directories.ts";
import { listUndoRecords, removeUndoRecord, sweepUndoRecords } from "./undo-records.ts";
import { createUserSettings } from "./user-settings.ts";
import { createWorkspaceClaims } from "./workspace-claims.ts";
import { asWorkspaceError } from "./workspace-errors.ts";
import { nodeFileSystem, type WorkspaceFileSystem } from "./workspace-file-system.ts";
import { parseMark, readMark } from "./workspace-mark.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

export interface WorkspacesOptions {
  /** Clauderon's home; absolute. */
  readonly homeDirectory: string;
  /** Marks what this home made. */
  readonly instanceId: string;
  readonly runner: CommandRunner;
  /** What git gets; default: this process's. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  readonly logger?: Logger | undefined;
  /** Default: the real one. */
  readonly fileSystem?: WorkspaceFileSystem | undefined;
  /**
   * References that isolated sessions may see: `refs/heads/main`, `refs/tags/*`; `^` before one takes its matches away. Default: tags, local branches and
   * those of remotes. The branches of sessions are never among them.
   */
  readonly refs?: readonly string[] | undefined;
  /** How the branches of sessions begin; default `clauderon/`. */
  readonly branchPrefix?: string | undefined;
  /** What may come out of a sandbox at once; default: 4 GiB, 5,000,000 objects, 20,000 references, 10 minutes. */
  readonly syncLimits?: SyncLimits | undefined;
}

/** The workspaces of a home. */
export interface Workspaces extends WorkspaceProvider {
  /** What isolated sessions borrow objects from. */
  readonly mirrors: Mirrors;
}

/** Linked git worktrees below the home, a branch each. Synchronous, without I/O. */
export function createWorkspaces(options: WorkspacesOptions): Workspaces {
  const fileSystem = options.fileSystem ?? nodeFileSystem;
  const logger = options.logger ?? silentLogger;
  const environment = options.environment ?? process.env;
  const tools: WorkspaceTools = {
    git: createGit(options.runner, environment),
    environment,
    fileSystem,
    logger,
    scratch: createScratchDirectories({
      fileSystem,
      logger,
      directory: join(options.homeDirectory, "state", "workspaces", "scratch"),
    }),
    homeDirectory: options.homeDirectory,
    instanceId: options.instanceId,
  };
  const claims = createWorkspaceClaims(tools);
  const settings = createUserSettings(tools.git);
  const clones = createRepositoryClones(tools);
  const drafts = createEarlyDrafts(tools);
  const ofSessions = async (): Promise<readonly OfSession[]> => [
    ...(await claims.list()),
    ...(await listUndoRecords(tools)).map(({ id, workspace }) => ({ sessionId: id, record: workspace })),
  ];
  const mirrors = createMirrors(tools, async () => ({
    refs: options.refs,
    hiddenPrefixes: ["clauderon/", options.branchPrefix ?? ""],
    hiddenBranches: new Set((await ofSessions()).flatMap(({ record }) => (record.isOwnBranch ? [record.branch] : []))),
  }));
  const giveBack = async (sessionId: string): Promise<void> => {
    try {
      await mirrors.release(sessionId);
    } catch (error) {
      logger.warn({ sessionId, error: String(error) }, "what the session borrowed stays until the next look");
    }
  };
  const forget = async (sessionId: string): Promise<void> => {
    await giveBack(sessionId);
    try {
      await removeAllCheckpoints(tools, sessionId);
    } catch (error) {
      logger.warn({ sessionId, error: String(error) }, "checkpoints of a session that is gone stay");
    }
  };
  const results = createResults(tools, settings);
  const checkpoints = createCheckpoints(tools, settings);
  /** For what must not be found to need git when half of it is done. */
  const withGit = <Value>(work: () => Promise<Value>): Promise<Value> =>
    translated(async () => {
      await requireGit(environment);
      return work();
    });
  return {
    doctor: ({ signal } = {}) => inspectGit(tools.git, signal),
    resolve: (repository, { signal, forSession, onProgress } = {}) =>
      translated(async () => {
        if (!isRepositoryUrl(repository)) {
          if (forSession !== undefined) drafts.begin(forSession, resolve(repository));
          return await resolveRepository(tools, repository, { signal });
        }
        validateRepositoryUrl(repository);
        return clones.resolve(repository, { signal, onProgress });
      }),
    changes: (repository, { signal, except } = {}) =>
      translated(() => readChanges(tools, repository, { settings, signal, except })),
    plan: (request, { signal } = {}) => translated(() => planWorkspace(tools, claims, { request, signal })),
    create: (request, record, { signal, onProgress } = {}) =>
      withGit(async () => {
        try {
          const call = { request, record, claims, settings, drafts, signal };
          if (record.kind === "worktree") return await makeWorkspace(tools, call);
          return await makePrivate(tools, { ...call, mirrors, onProgress });
        } catch (error) {
          await drafts.release(request.sessionId);
          throw error;
        }
      }),
    release: (sessionId) => translated(() => drafts.release(sessionId)),
    mount: (record) => translated(() => mountOf(fileSystem, record)),
    send: (record, sandbox, { signal } = {}) =>
      translated(async () => {
        const call = { sandbox, signal, limits: options.syncLimits };
        if (record.kind === "private") return { notices: await goBackFirst(tools, record, call) };
        return { ...(await sendRemote(tools, record, { ...call, settings })), notices: [] };
      }),
    sync: (record, sandbox, call = {}) =>
      translated(() => syncPrivate(tools, record, { ...call, sandbox, limits: options.syncLimits })),
    status: (record, call = {}) => translated(() => readStatus(tools, record, { ...call, settings, claims })),
    pushUrl: (record, { signal } = {}) => translated(() => readPushUrl(tools, record, signal)),
    diff: (record, call = {}) => translated(() => readDiff(tools, record, { ...call, settings, claims })),
    remove: (record, call = {}) =>
      withGit(async () => {
        // What comes out of the sandbox at the same moment is in its place first.
        const removal = await inTurn(record, () => removeWorkspace(tools, record, { ...call, settings, claims }));
        // What an undo record keeps may need what was borrowed.
        if (call.sessionId !== undefined && removal.hasUndoRecord !== true && removal.keptWorktree === undefined)
          await forget(call.sessionId);
        return removal;
      }),
    undo: (record, sessionId, { signal } = {}) =>
      withGit(async () => {
        await drafts.release(sessionId);
        await undoWorkspace(tools, record, { sessionId, settings, claims, signal });
        if ((await claims.get(sessionId)) === undefined) await giveBack(sessionId);
      }),
    list: async function* ({ signal } = {}): AsyncGenerator<WorkspaceFinding, void, undefined> {
      await translated(() => tools.scratch.sweep());
      await translated(() => sweepUndoRecords(tools));
      await translated(() => sweepCheckpoints(tools));
      // What cannot be removed keeps nobody from the sessions.
      await mirrors
        .sweep(async () => new Set((await ofSessions()).map(({ sessionId }) => sessionId)))
        .catch((error: unknown) => logger.warn({ error: String(error) }, "mirrors that nobody needs stay"));
      await translated(() => drafts.sweep(async (sessionId) => (await claims.get(sessionId)) !== undefined));
      for (const { sessionId, name, record } of await translated(() => everyMark(tools, claims))) {
        signal?.throwIfAborted();
        const exists = (await translated(() => tools.fileSystem.kindOf(record.path))) === "directory";
        yield { sessionId, name, record, exists };
      }
    },
    mirrors: {
      borrow: (request, call) => translated(() => mirrors.borrow(request, call)),
      share: (fromSessionId, toSessionId) => translated(() => mirrors.share(fromSessionId, toSessionId)),
      release: (sessionId) => translated(() => mirrors.release(sessionId)),
      sweep: (alive) => translated(() => mirrors.sweep(alive)),
    },
    undoRecords: {
      list: (call) => translated(() => listUndoRecords(tools, call)),
      plan: (id, request) => translated(async () => (await planRestore(tools, id, request)).record),
      restore: (id, request) =>
        withGit(async () => {
          if (id !== request.sessionId) await mirrors.share(id, request.sessionId);
          await restoreWorkspace(tools, id, { request, claims });
          await handOver(tools, id, request.sessionId);
          if (id !== request.sessionId) await giveBack(id);
        }),
      remove: (id) =>
        withGit(async () => {
          await removeUndoRecord(tools, id);
          if ((await claims.get(id)) === undefined) await forget(id);
        }),
    },
    results: {
      ...results,
      take: (...call) => withGit(() => results.take(...call)),
      takeBack: (...call) => withGit(() => results.takeBack(...call)),
    },
    checkpoints: {
      ...checkpoints,
      create: (...call) => withGit(() => checkpoints.create(...call)),
      restore: (...call) => withGit(() => checkpoints.restore(...call)),
      remove: (...call) => withGit(() => checkpoints.remove(...call)),
    },
  };
}

type OfSession = Pick<WorkspaceFinding, "sessionId" | "record">;

async function everyMark(
  { fileSystem, homeDirectory, instanceId }: WorkspaceTools,
  claims: ReturnType<typeof createWorkspaceClaims>,
): Promise<readonly Omit<WorkspaceFinding, "exists">[]> {
  const found = new Map<string, Omit<WorkspaceFinding, "exists">>();
  for (const claim of await claims.list()) found.set(claim.sessionId, claim);
  const known = new Set([...found.values()].map(({ record }) => record.path));
  const worktrees = join(homeDirectory, "worktrees");
  for (const name of await fileSystem.names(worktrees)) {
    if (name.startsWith(".") || known.has(join(worktrees, name))) continue;
    const gitDirectory = /^gitdir: (.+)\n?$/u.exec(
      (await fileSystem.readText(join(worktrees, name, ".git"))) ?? "",
    )?.[1];
    const mark =
      gitDirectory === undefined
        ? undefined
        : parseMark(await fileSystem.readText(join(gitDirectory, "clauderon.json")));
    // The worktree is the agent's: what a file there leads to speaks for this place alone.
    const isHere = mark?.record.path === join(worktrees, name);
    if (isHere && mark.instanceId === instanceId && !found.has(mark.sessionId)) found.set(mark.sessionId, mark);
  }
  const privates = join(homeDirectory, "private");
  for (const name of await fileSystem.names(privates)) {
    const mark = name.startsWith(".") ? undefined : await readMark(fileSystem, join(privates, name));
    const isHere = mark?.record.privateDirectory?.endsWith(`/private/${name}`) === true;
    if (isHere && mark.instanceId === instanceId && !found.has(mark.sessionId)) found.set(mark.sessionId, mark);
  }
  return [...found.values()];
}

async function translated<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    throw asWorkspaceError(error);
  }
}
