import { randomUUID } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import {
  ClauderonError,
  type Sandbox,
  type WorkspaceCheckpointRequest,
  type WorkspaceMount,
  type WorkspaceRecord,
  type WorkspaceRequest,
  type WorkspaceResultRequest,
} from "@clauderon/core/contract";

import { createWorkspaces, type Workspaces } from "../../src/index.ts";
import { INSTANCE, helpedRunner } from "../git-fixture.ts";
import { type Scene, SECRET } from "./scene.ts";
import { change, type Operation, type Vector } from "./vector.ts";

export interface Outcome {
  /** Operations after which the canary was there, or that showed what lies outside. */
  readonly canaries: readonly string[];
  /** Operations that failed, and why. */
  readonly failures: Readonly<Partial<Record<Operation, string>>>;
  readonly ran: number;
  /** What became of a merge and of an application: such a repository may have them refused, with nothing changed. */
  readonly results: readonly string[];
}

const ID = "session-fix";

/** Of workspace; with `enter` what the agent does is done in a sandbox, and comes out of it. */
export interface Kind extends Pick<WorkspaceRequest, "isPrivate"> {
  readonly enter?: ((scene: Scene, mount: WorkspaceMount) => Pick<Sandbox, "exec">) | undefined;
}

/** What a user looks at in the worktree of a private workspace, with git as it is. */
const looks = [["status"], ["diff"], ["diff", "HEAD"], ["log", "-p", "--all"], ["show"], ["stash", "list"]] as const;

/** Runs every operation of ours against the vector; with private workspaces the user's plain git in the worktree, too. */
export async function withstand(scene: Scene, vector: Vector, kind: Kind = {}): Promise<Outcome> {
  const canaries: string[] = [];
  const failures: Partial<Record<Operation, string>> = {};
  const results: string[] = [];
  let ran = 0;
  vector.arm?.(scene);
  const variables = vector.environment?.(scene) ?? {};
  const provider = createWorkspaces({
    homeDirectory: join(scene.root, "home"),
    instanceId: INSTANCE,
    runner: helpedRunner,
    environment: { ...scene.environment, ...variables },
  });
  if (scene.hasRun()) throw new Error(`${vector.name}: the canary sang while it was armed`);
  const attempt = async <Value>(operation: Operation, work: () => Promise<Value>): Promise<Value | undefined> => {
    ran += 1;
    let shown = "";
    try {
      const value = await work();
      shown = JSON.stringify(value) ?? "";
      return value;
    } catch (error) {
      failures[operation] = String(error);
      shown = `${String(error)} ${JSON.stringify(error)}`;
      return undefined;
    } finally {
      if (scene.hasRun() || shown.includes(SECRET)) canaries.push(operation);
    }
  };

  const info = await attempt("resolve", () => provider.resolve(scene.repository, { forSession: ID }));
  if (info !== undefined) await attempt("changes", () => provider.changes(info));
  const plan = async (name: string): Promise<[WorkspaceRequest, WorkspaceRecord]> => {
    const request: WorkspaceRequest = {
      sessionId: `session-${name}`,
      name,
      repository: info ?? {
        path: scene.repository,
        commonDirectory: join(scene.repository, ".git"),
        head: scene.git(["rev-parse", "HEAD"]).trim(),
      },
      branchPrefix: "clauderon/",
      withChanges: true,
      isPrivate: kind.isPrivate,
    };
    return [request, await provider.plan(request)];
  };
  const create = async (name: string): Promise<WorkspaceRecord> => {
    const [request, record] = await plan(name);
    await provider.create(request, record);
    return record;
  };
  const record = await attempt("create", () => create("fix"));
  if (record !== undefined) {
    await attempt("rollBack", async () => provider.undo(await create("other"), "session-other"));
    scene.workspace = record.path;
    // Its commit and the user's have changed the same file: whoever merges them is asked.
    await attempt("merge", async () => {
      const [request] = await plan("topic");
      const topic = { ...request, base: "side", withChanges: false };
      const made = await provider.plan(topic);
      await provider.create(topic, made);
      results.push(await taken(provider, made, { kind: "merge", merge: { how: "no-ff", isCommittedOnly: true } }));
      await provider.remove(made, { sessionId: topic.sessionId, force: true });
    });
    await work(scene, { vector, provider, record, attempt, results, enter: kind.enter });
  }
  await attempt("clone", () => provider.resolve(`file://${scene.repository}`));
  return { canaries, failures, ran, results };
}

const refusals: ReadonlySet<string> = new Set(["merge.conflict", "merge.refused"]);

async function taken(
  { results }: Workspaces,
  record: WorkspaceRecord,
  request: Pick<WorkspaceResultRequest, "kind" | "merge">,
): Promise<string> {
  const call = { ...request, name: "fix", at: "2026-01-01T00:00:00.000Z", session: {}, keeps: true };
  try {
    return (await results.take(randomUUID(), record, call)).isUpToDate ? "up to date" : "done";
  } catch (error) {
    if (ClauderonError.isInstance(error) && refusals.has(error.code)) return error.code;
    throw error;
  }
}

async function checkpointed({ checkpoints }: Workspaces, record: WorkspaceRecord): Promise<unknown> {
  const request = (id: string): WorkspaceCheckpointRequest => ({
    id: `${id}-${randomUUID()}`,
    sessionId: ID,
    name: "fix",
    at: "2026-01-01T00:00:00.000Z",
    trigger: "user",
    session: {},
  });
  const { id } = await checkpoints.create(record, request("one"));
  const added = join(record.path, "added-after-the-checkpoint");
  writeFileSync(added, "added\n");
  const shown = await checkpoints.diff({ from: id, record });
  const { before } = await checkpoints.restore(record, { id, before: request("before") });
  if (existsSync(added)) throw new Error("it was not gone back to");
  const between = await checkpoints.diff({ from: before.id, to: id });
  await checkpoints.remove([id, before.id]);
  return [shown, between];
}

interface Work {
  readonly vector: Vector;
  readonly provider: Workspaces;
  readonly record: WorkspaceRecord;
  readonly results: string[];
  readonly enter: Kind["enter"];
  readonly attempt: <Value>(operation: Operation, work: () => Promise<Value>) => Promise<Value | undefined>;
}

async function work(scene: Scene, { vector, provider, record, attempt, results, enter }: Work): Promise<void> {
  vector.armWorkspace?.(scene);
  if (scene.hasRun()) throw new Error(`${vector.name}: the canary sang while the agent armed it`);
  change(scene, record.path);
  const look = async (): Promise<void> => {
    for (const args of looks)
      await attempt("status", () => Promise.resolve(scene.plain(args, { cwd: record.path }).output));
  };
  if (record.kind === "private") await look();
  if (enter !== undefined) {
    const sandbox = enter(scene, await provider.mount(record));
    await attempt("sync", () => provider.sync(record, sandbox));
    await look();
  }
  await attempt("status", () => provider.status(record));
  await attempt("diff", async () => {
    const shown: string[] = [];
    for (const format of ["patch", "stat", "names"] as const) shown.push(await provider.diff(record, { format }));
    return shown;
  });
  await attempt("pushUrl", async () => (await provider.pushUrl(record)) === undefined);
  await attempt("list", () => Array.fromAsync(provider.list()));
  await attempt("resolveWorkspace", () => provider.resolve(join(record.path, "deep")));
  await attempt("checkpoint", () => checkpointed(provider, record));
  await attempt("apply", async () => results.push(await taken(provider, record, { kind: "apply" })));
  await attempt("takeBack", async () => {
    for (const { id } of await provider.results.list({ isMeasured: true })) await provider.results.takeBack(id);
  });
  await attempt("borrow", () =>
    provider.mirrors.borrow({ sessionId: ID, commonDirectory: record.commonDirectory, commits: [record.base] }),
  );
  const undo = { at: "2026-01-01T00:00:00.000Z", session: {} };
  await attempt("archive", async () => {
    await provider.remove(record, { sessionId: ID, force: true, undo: { ...undo, isRequired: true } });
    await provider.undoRecords.plan(ID, { sessionId: ID, name: "fix" });
    await provider.undoRecords.restore(ID, { sessionId: ID, name: "fix" });
  });
  await attempt("refuseDelete", async () => {
    const refusal: unknown = await provider.remove(record, { sessionId: ID }).catch((error: unknown) => error);
    if ((refusal as { readonly code?: unknown }).code !== "workspace.exists") throw refusal;
  });
  await attempt("delete", () => provider.remove(record, { sessionId: ID, force: true, undo }));
  await attempt("undo", async () => {
    await provider.undoRecords.list({ isMeasured: true });
    await provider.undoRecords.plan(ID, { sessionId: ID, name: "fix" });
    await provider.undoRecords.restore(ID, { sessionId: ID, name: "fix" });
  });
  // As a new daemon does it for every session that it finds.
  await attempt("reconcile", async () => {
    for await (const finding of provider.list()) if (finding.exists) await provider.status(finding.record);
  });
  await attempt("deleteForGood", async () => {
    const { keptBranch } = await provider.remove(record, { sessionId: ID, force: true });
    return vector.holdsCommit === true && keptBranch === undefined ? SECRET : undefined;
  });
}
