import { join } from "node:path";

import { indexInfo } from "../index-info.ts";
import { makeOwnGitDirectory } from "../own-git-directory.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { actingSettings } from "./acting-settings.ts";
import { newIndexOf } from "./index-lock.ts";
import { refused } from "./result-errors.ts";
import type { Checkout, FileChange, ResultRecord, TreeEntry } from "./result-record.ts";

interface IndexCall {
  readonly checkout: Checkout;
  readonly to: "before" | "after";
}

/**
 * Makes the index of the user's working tree name the changed paths as they are before or after; all else in it stays. It is replaced whole; the
 * caller holds its lock. Idempotent.
 */
export async function changeIndex(
  tools: WorkspaceTools,
  record: Omit<ResultRecord, "version">,
  { checkout, to }: IndexCall,
): Promise<void> {
  const { fileSystem, git } = tools;
  const { ref, changes, commonDirectory } = record;
  if (ref === undefined) return;
  const settings = [
    ...(await actingSettings(tools, checkout.gitDirectory, undefined)),
    { key: "core.splitindex", value: "false" },
    { key: "core.untrackedcache", value: "false" },
  ];
  const tree = { ...checkout, commonDirectory, head: ref.after };
  await using own = await makeOwnGitDirectory(tools, tree, { use: "try", settings });
  const call = { cwd: checkout.workTree, environment: own.environment };
  await refuseStaged(tools, { changes, call });
  const lines = changes.map(({ path, [to]: entry }) => ({
    path,
    mode: entry?.mode ?? "000000",
    object: entry?.hash ?? "",
  }));
  const input = indexInfo(lines, ref.after);
  await git.inspect(["update-index", "-z", "--index-info"], { ...call, input });
  // What of the working tree is as the index says is then known without reading it again.
  await git.act(["update-index", "-q", "--refresh"], { ...call, accepts: [0, 1] });
  const made = newIndexOf(checkout, record.id);
  await fileSystem.copyEntry(Buffer.from(own.index), Buffer.from(made));
  await fileSystem.sync(made);
  await fileSystem.rename(made, join(checkout.gitDirectory, "index"));
  await fileSystem.sync(checkout.gitDirectory);
}

/** Refuses when the index names a changed path as neither of the two has it. */
export async function checkIndex(tools: WorkspaceTools, record: ResultRecord, checkout: Checkout): Promise<void> {
  const { ref, changes, commonDirectory } = record;
  if (ref === undefined) return;
  const tree = { ...checkout, commonDirectory, head: ref.after };
  await using own = await makeOwnGitDirectory(tools, tree, { use: "read" });
  await refuseStaged(tools, { changes, call: { cwd: checkout.workTree, environment: own.environment } });
}

interface StagedCall {
  readonly changes: readonly FileChange[];
  readonly call: { readonly cwd: string; readonly environment: Readonly<Record<string, string>> };
}

async function refuseStaged({ git }: WorkspaceTools, { changes, call }: StagedCall): Promise<void> {
  const now = parseStages((await git.inspectBytes(["ls-files", "--stage", "-z"], call)).toString("latin1"));
  const foreign = changes.filter(({ path, before, after }) => {
    const entry = now.get(path) ?? "";
    return entry !== entryText(before) && entry !== entryText(after);
  });
  if (foreign.length > 0) throw stagedOver(call.cwd, foreign);
}

function parseStages(text: string): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  for (const line of text.split("\0")) {
    const tab = line.indexOf("\t");
    const [mode = "", hash = "", stage = ""] = line.slice(0, tab).split(" ");
    if (tab > 0) entries.set(line.slice(tab + 1), stage === "0" ? `${mode} ${hash}` : "unmerged");
  }
  return entries;
}

function entryText(entry: TreeEntry | undefined): string {
  return entry === undefined ? "" : `${entry.mode} ${entry.hash}`;
}

function stagedOver(workTree: string, changes: readonly FileChange[]): Error {
  const files = changes.slice(0, 20).map(({ path }) => Buffer.from(path, "latin1").toString());
  return refused({
    message: "Changes that you have staged would be overwritten",
    why: files.slice(0, 5).join(", "),
    fix: [`unstage them: git -C '${workTree}' restore --staged -- FILE`, "and try again"],
    context: { workTree, files },
  });
}
