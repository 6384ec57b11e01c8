import { randomUUID } from "node:crypto";

import type {
  Agent,
  AgentPlanRequest,
  AgentLaunch,
  AgentProcessStatus,
  Backend,
  BackendCapabilities,
  GuestProgram,
  NetworkPolicy,
  Sandbox,
  SandboxParts,
  SandboxSpec,
  SessionAccess,
  SessionStore,
  WorkspaceProvider,
  WorkspaceRecord,
  WorkspaceResultRecord,
  WorkspaceUndoRecord,
} from "../src/contract/index.ts";
import {
  CommandError,
  FileError,
  WorkspaceError,
  noPowers,
  requireCapabilities,
  unsupportedPowers,
} from "../src/contract/index.ts";
import type { WorkspaceCheckpoint, WorkspaceCheckpointRestoration } from "../src/contract/workspace-checkpoint.ts";
import { createEngine } from "../src/engine/create-engine.ts";
import type { Engine, EngineOptions } from "../src/engine/engine.ts";
import { worldCheckpoints } from "./world-checkpoints.ts";
import { worldProxy } from "./world-proxy.ts";

/** Thrown where a real process would be gone. */
export class Crash extends Error {}

interface SandboxFact {
  readonly spec: SandboxSpec;
  environment: Readonly<Record<string, string>>;
  isRunning: boolean;
  agent: AgentProcessStatus;
  readonly launches: AgentLaunch[];
}

/** What lies outside the engine and outlives it: sandboxes, worktrees, and how often each prompt was delivered. */
export class World {
  readonly sandboxes: Map<string, SandboxFact> = new Map();
  readonly workspaces: Map<string, WorkspaceRecord> = new Map();
  readonly undoRecords: Map<string, WorkspaceUndoRecord> = new Map();
  readonly results: Map<string, WorkspaceResultRecord> = new Map();
  readonly checkpoints: Map<string, WorkspaceCheckpoint> = new Map();
  /** Checkpoints that were gone back to, in order. */
  readonly rewound: string[] = [];
  lastRewind: WorkspaceCheckpointRestoration | undefined;
  isMergeRefused = false;
  readonly prompts: string[] = [];
  /** What its agent was asked to plan, in order. */
  readonly plans: AgentPlanRequest[] = [];
  /** The agent's program is not there: starting it fails. */
  isAgentMissing = false;
  /** The token that each session's proxy takes. */
  readonly tokens: Map<string, string> = new Map();
  /** What its proxy holds each session to. */
  readonly policies: Map<string, SessionAccess> = new Map();
  /** The sessions whose use the proxy remembers. */
  readonly used: Set<string> = new Set();
  /** What its backend can do beyond the least. */
  powers: Partial<BackendCapabilities> = {};
  /** What its backend was told of each sandbox's network, in order. */
  readonly networks: (NetworkPolicy | undefined)[] = [];
  /** What its backend was given with a sandbox, and at which call, in order. */
  readonly parts: (SandboxParts & { readonly call: string })[] = [];
  /** Undo records cannot be put back. */
  isRestoreBroken = false;
  /** Workspaces with uncommitted work. */
  readonly dirty: Set<string> = new Set();
}

export interface EngineLife {
  readonly engine: Engine;
  /** True once it has crashed: from then on nothing of it has any effect. */
  readonly isDead: () => boolean;
  readonly reached: ReadonlySet<string>;
}

/** An engine over the world that dies at the named point, like a process that is killed there. */
export function startEngine(
  world: World,
  store: SessionStore,
  crashOrOptions: string | Pick<EngineOptions, "clock" | "settings"> = {},
): EngineLife {
  const crashAt = typeof crashOrOptions === "string" ? crashOrOptions : undefined;
  const { clock, settings } = typeof crashOrOptions === "string" ? {} : crashOrOptions;
  let isDead = false;
  const reached = new Set<string>();
  const alive = (): void => {
    if (isDead) throw new Crash("the process is gone");
  };
  const engine = createEngine({
    homeDirectory: "/nowhere",
    backends: [worldBackend(world, alive)],
    agents: [worldAgent(world, alive)],
    workspaces: worldWorkspaces(world, alive),
    store: mortalStore(store, alive),
    settings: { defaultBackend: "world", defaultAgent: "agent", ...settings },
    clock,
    environment: { PATH: "/bin" },
    proxy: worldProxy(world, alive),
    guest: worldGuest,
    crashPoints: {
      reach(name) {
        alive();
        reached.add(name);
        if (name === crashAt) {
          isDead = true;
          throw new Crash(name);
        }
      },
    },
  });
  return { engine, isDead: () => isDead, reached };
}

/** The program for sandboxes of this world. */
export const worldGuest: GuestProgram = { version: "1.2.3", pathFor: () => "/guest" };

function mortalStore(store: SessionStore, alive: () => void): SessionStore {
  return new Proxy(store, {
    get(target, key: keyof SessionStore) {
      const member: unknown = target[key];
      if (typeof member !== "function") return member;
      return (...args: unknown[]): unknown => {
        alive();
        return Reflect.apply(member, target, args);
      };
    },
  });
}

function worldAgent(world: World, alive: () => void): Agent {
  return {
    agentId: "agent",
    displayName: "Agent",
    installHint: "install it",
    find: async () => ({ program: "/bin/agent" }),
    async plan(request) {
      alive();
      world.plans.push(request);
      const prompt = request.isResume || request.prompt === undefined ? [] : [request.prompt];
      return { argv: ["/bin/agent", ...prompt], environment: {}, files: [], notices: [] };
    },
  };
}

function worldWorkspaces(world: World, alive: () => void): WorkspaceProvider {
  return {
    async resolve() {
      return { path: "/r", commonDirectory: "/r/.git", head: "0".repeat(40) };
    },
    release: async () => undefined,
    changes: async () => ({ count: 0, files: [] }),
    async plan(request) {
      const branch = request.branchPrefix + request.name;
      return {
        kind: "worktree",
        path: `/w/${request.name}`,
        repositoryPath: "/r",
        commonDirectory: "/r/.git",
        branch,
        isOwnBranch: true,
        base: "0".repeat(40),
      };
    },
    async create(request, record) {
      alive();
      world.workspaces.set(request.sessionId, record);
      return { copied: [], notices: [] };
    },
    mount: async ({ path }) => ({ hostPath: path }),
    send: async () => ({ notices: [] }),
    sync: async () => ({ hostBranches: [], notices: [] }),
    async status(record) {
      const exists = [...world.workspaces.values()].some((candidate) => candidate.path === record.path);
      const untracked = world.dirty.has(record.path) ? 1 : 0;
      return { exists, staged: 0, unstaged: 0, untracked, unreachedCommits: 0, files: [] };
    },
    pushUrl: async () => "https://github.com/acme/app.git",
    diff: async () => "",
    async remove(record, { sessionId: id = "", undo } = {}) {
      alive();
      const isKept = undo !== undefined && world.workspaces.delete(id);
      if (isKept) world.undoRecords.set(id, { ...undo, id, name: record.path.slice(3), workspace: record });
      world.workspaces.delete(id);
      return { hasUndoRecord: world.undoRecords.has(id) };
    },
    async undo(_record, sessionId) {
      alive();
      world.workspaces.delete(sessionId);
    },
    async *list() {
      for (const [sessionId, record] of world.workspaces)
        yield { sessionId, name: record.path.slice(3), record, exists: true };
    },
    undoRecords: {
      list: async () => [...world.undoRecords.values()],
      async plan(id, { name }) {
        const found = world.undoRecords.get(id);
        if (found === undefined) throw new WorkspaceError({ code: "undo.not-found", message: "gone", fix: ["none"] });
        return { ...found.workspace, path: `/w/${name}` };
      },
      async restore(id, { sessionId, name }) {
        alive();
        if (world.isRestoreBroken) throw new WorkspaceError({ code: "undo.damaged", message: "broken", fix: ["none"] });
        const found = world.undoRecords.get(id);
        if (found !== undefined) world.workspaces.set(sessionId, { ...found.workspace, path: `/w/${name}` });
        world.undoRecords.delete(id);
      },
      async remove(id) {
        alive();
        world.undoRecords.delete(id);
      },
    },
    results: worldResults(world, alive),
    checkpoints: worldCheckpoints(world, alive),
  };
}

function worldResults(world: World, alive: () => void): WorkspaceProvider["results"] {
  const result = { kind: "merge", isUpToDate: false, how: "merge", branch: "main", files: ["a"] } as const;
  const check = (): typeof result => {
    if (world.isMergeRefused) throw new WorkspaceError({ code: "merge.conflict", message: "conflict", fix: ["none"] });
    return result;
  };
  return {
    check: async (_, { kind }) => ({ ...check(), kind }),
    async take(id, _, { kind, name, at, session }) {
      alive();
      const taken = { ...check(), kind };
      world.results.set(id, {
        id,
        kind,
        name,
        at,
        session,
        repositoryPath: "/r",
        commonDirectory: "/r/.git",
        branch: "main",
      });
      return taken;
    },
    async settle(id) {
      alive();
      const kind = world.results.get(id)?.kind;
      return kind === undefined ? undefined : { ...result, kind };
    },
    recover: async () => undefined,
    list: async () => [...world.results.values()],
    async takeBack(id) {
      alive();
      world.results.delete(id);
    },
    async remove(id) {
      alive();
      world.results.delete(id);
    },
  };
}

function worldBackend(world: World, alive: () => void): Backend {
  const capabilities = {
    isolation: "none",
    workspace: "host",
    terminal: "bytes",
    ...noPowers,
    ...world.powers,
  } as const;
  return {
    specificationVersion: "backend-v1",
    backendId: "world",
    capabilities,
    doctor: async () => ({ backendId: "world", isUsable: true, checks: [] }),
    async create(spec) {
      alive();
      requireCapabilities("world", capabilities, spec);
      world.networks.push(spec.network);
      world.parts.push({ call: "create", guest: spec.guest, channel: spec.channel });
      const fact = world.sandboxes.get(spec.sandboxId) ?? {
        spec,
        environment: spec.environment,
        isRunning: true,
        agent: { state: "none" as const },
        launches: [],
      };
      world.sandboxes.set(spec.sandboxId, fact);
      return worldSandbox(world, spec.sandboxId, alive);
    },
    async open(sandboxId, { guest, channel } = {}) {
      world.parts.push({ call: "open", guest, channel });
      return world.sandboxes.has(sandboxId) ? worldSandbox(world, sandboxId, alive) : undefined;
    },
    async *list() {
      for (const [sandboxId, { spec, isRunning }] of world.sandboxes)
        yield { sandboxId, name: spec.name, state: isRunning ? "running" : "stopped" };
    },
    close: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

function worldSandbox(world: World, sandboxId: string, alive: () => void): Sandbox {
  const fact = (): SandboxFact => {
    const known = world.sandboxes.get(sandboxId);
    if (known === undefined) throw new Error(`the engine used sandbox ${sandboxId} after its end`);
    return known;
  };
  const unused = (): never => {
    throw new Error("not part of this world");
  };
  const endAgent = (): void => {
    const { agent } = fact();
    if (agent.state === "running")
      fact().agent = { ...agent, state: "exited", exit: { exitCode: 143, isTimedOut: false } };
  };
  return {
    sandboxId,
    name: fact().spec.name,
    workspacePath: `/w/${fact().spec.name}`,
    async inspect() {
      const known = world.sandboxes.get(sandboxId);
      if (known === undefined) return { state: "missing", agent: { state: "none" }, egress: "open" };
      return { state: known.isRunning ? "running" : "stopped", agent: known.agent, egress: "open" };
    },
    async start(options) {
      alive();
      fact().isRunning = true;
      world.parts.push({ call: "start", guest: options?.guest, channel: options?.channel });
      fact().environment = options?.environment ?? fact().environment;
    },
    async stop() {
      alive();
      fact().isRunning = false;
      endAgent();
    },
    async destroy() {
      alive();
      world.sandboxes.delete(sandboxId);
    },
    /** Only `env -0` is ever run in this world. */
    async exec() {
      const text = Object.entries(fact().environment).map(([name, value]) => `${name}=${value}\0`);
      return {
        stdin: new WritableStream(),
        stdout: new Blob([text.join("")]).stream(),
        stderr: new Blob([]).stream(),
        exit: Promise.resolve({ exitCode: 0, isTimedOut: false }),
        kill: async () => undefined,
        resize: async () => undefined,
      };
    },
    async startAgent(launch) {
      alive();
      if (world.isAgentMissing)
        throw new CommandError({ code: "command.not-found", message: "there is no agent", fix: ["install it"] });
      const known = fact();
      if (known.launches.some((earlier) => earlier.launchId === launch.launchId)) return known.agent;
      known.launches.push(launch);
      world.prompts.push(...launch.argv.slice(1));
      known.agent = { state: "running", launchId: launch.launchId };
      return known.agent;
    },
    agentTerminal: unused,
    agentText: async () => "",
    agentExit: (options) =>
      new Promise((_resolve, reject) => {
        options?.signal?.addEventListener("abort", () => reject(options.signal?.reason), { once: true });
      }),
    files: new Proxy({} as Sandbox["files"], { get: (_files, name) => (name === "stat" ? nothingThere : unused()) }),
    ...unsupportedPowers("world"),
    ...(world.powers.networkPolicy === true ? { network: async (policy) => void world.networks.push(policy) } : {}),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** No workspace of this world has a setup script. */
async function nothingThere(): Promise<never> {
  throw new FileError({ code: "file.not-found", message: "there is no such file", fix: ["make it"] });
}

/** A row that no engine of this world knows, for orphans. */
export function orphanId(): string {
  return randomUUID();
}
