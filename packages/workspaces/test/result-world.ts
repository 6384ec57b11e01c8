import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { MergeRequest, WorkspaceRecord, WorkspaceResult } from "@clauderon/core/contract";

import { type Fixture, fixture, made, snapshot } from "./git-fixture.ts";

/** A repository with a session, and what can be asked of its results. */
export interface ResultWorld extends Fixture {
  readonly record: WorkspaceRecord;
  /** Commits in the session. */
  commit(files: Readonly<Record<string, string>>, message?: string): string;
  merge(merge?: MergeRequest, id?: string): Promise<WorkspaceResult>;
  apply(id?: string): Promise<WorkspaceResult>;
  takeBack(id?: string): Promise<void>;
  read(file: string): string;
  status(): string;
  tip(branch?: string): string;
  /** Files, references and status of the user's: equal when nothing has changed. */
  everything(): Record<string, unknown>;
}

export const ID = "0f0e5c1a-6c3d-4a52-9d0e-6a9e3a1f7d11";

export async function resultWorld(
  options: Parameters<typeof fixture>[0] = {},
  given: { readonly prepare?: (world: Fixture) => void } = {},
): Promise<ResultWorld> {
  const world = fixture(options);
  given.prepare?.(world);
  const { record } = await made(world, { sessionId: randomUUID() });
  return resultsOf(world, record);
}

export function resultsOf(
  world: Fixture,
  record: WorkspaceRecord,
  provider: Fixture["provider"] = world.provider,
): ResultWorld {
  const call = { name: "fix", at: new Date().toISOString(), session: null, keeps: true };
  return {
    ...world,
    provider,
    record,
    commit: (files, message = "Work") => {
      world.write(files, record.path);
      world.git(["add", "--all"], record.path);
      world.git(["commit", "--quiet", "--allow-empty", "-m", message], record.path);
      return world.git(["rev-parse", "HEAD"], record.path).trim();
    },
    merge: (merge, id = ID) => provider.results.take(id, record, { ...call, kind: "merge", merge }),
    apply: (id = ID) => provider.results.take(id, record, { ...call, kind: "apply" }),
    takeBack: (id = ID) => provider.results.takeBack(id),
    read: (file) => readFileSync(join(world.repository, file), "utf8"),
    status: () => world.git(["status", "--porcelain", "--ignored"]),
    tip: (branch = "main") => world.git(["rev-parse", branch]).trim(),
    everything: () => ({
      files: withoutGit(snapshot(world.repository)),
      refs: world.git(["for-each-ref"]),
      status: world.git(["status", "--porcelain=v2", "--branch", "--ignored", "--untracked-files=all"]),
      index: world.git(["ls-files", "--stage", "-v"]),
    }),
  };
}

function withoutGit(found: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(found).filter(([name]) => !name.startsWith("/.git/")));
}
