import type { Sandbox } from "@clauderon/core/contract";

import { branchNames, freeBranchName } from "../branch-names.ts";
import { execGit, readSandboxState, type StagedEntry } from "./sandbox-state.ts";

export interface ReplacedCall {
  readonly sandbox: Pick<Sandbox, "exec">;
  /** Commit that HEAD, and the branch of that name when there is one, are about to be moved to. */
  readonly target: { readonly commit: string; readonly branch: string | undefined };
  /** The sandbox's branches by short name. */
  readonly heads: ReadonlyMap<string, string>;
  /** Commits and staged contents that are kept elsewhere. */
  readonly known: { readonly commits: readonly string[]; readonly objects: ReadonlySet<string> };
  readonly signal: AbortSignal;
}

/**
 * Before HEAD, a branch and the index of a sandbox are replaced: puts commits and staged files that nothing else would name any more on a branch of their own
 * inside, and says so. Idempotent but for what is staged, which a second call may put on another one.
 */
export async function keepReplaced(call: ReplacedCall): Promise<readonly string[]> {
  const { sandbox, target, heads, known, signal } = call;
  const state = await readSandboxState(sandbox, signal);
  const tip = target.branch === undefined ? undefined : heads.get(target.branch);
  const notices: string[] = [];
  const names = branchNames(heads.keys());
  const base = `${target.branch ?? state.branch ?? "head"}-replaced`;
  const stagedNew = state.staged.filter(
    ({ stage, mode, object }) => isContent(mode, stage) && !known.objects.has(object),
  );
  const tips = [...new Set([state.commit, tip].filter((commit) => commit !== undefined))];
  for (const commit of tips) {
    const staged = commit === state.commit ? stagedNew : [];
    const count = await countReplaced(call, commit, base);
    if (count === 0 && staged.length === 0) continue;
    const kept = [...heads].find(([name, at]) => at === commit && name.startsWith(base));
    const name = kept?.[0] ?? freeBranchName(base, names);
    if (staged.length > 0) await commitStaged(sandbox, { name, from: commit, staged, signal });
    else if (kept === undefined)
      // The old value: only if nobody has made it meanwhile.
      await execGit(sandbox, { args: ["update-ref", `refs/heads/${name}`, commit, "0".repeat(commit.length)], signal });
    names.add(name);
    notices.push(describe({ name, count, staged: staged.length }));
  }
  if (state.commit === undefined && stagedNew.length > 0) {
    const name = freeBranchName(base, names);
    await commitStaged(sandbox, { name, from: undefined, staged: stagedNew, signal });
    notices.push(describe({ name, count: 0, staged: stagedNew.length }));
  }
  return notices;
}

/** A deletion has no content; those of a conflict are in commits. */
function isContent(mode: string, stage: number): boolean {
  return stage === 0 && mode !== "000000" && mode !== "160000";
}

/** Commits that nothing would name any more; what an earlier call has kept counts, so that it is told. */
async function countReplaced(
  { sandbox, target, heads, known, signal }: ReplacedCall,
  commit: string,
  base: string,
): Promise<number> {
  const others = [...heads].flatMap(([name, at]) => (name === target.branch || name.startsWith(base) ? [] : [at]));
  const without = [target.commit, ...known.commits, ...others].map((object) => `^${object}`);
  const args = ["rev-list", "--count", "--ignore-missing", "--stdin"];
  const input = Buffer.from([commit, ...new Set(without), ""].join("\n"));
  const counted = Number((await execGit(sandbox, { args, input, signal })).toString("latin1").trim());
  return Number.isSafeInteger(counted) ? counted : 1;
}

/** On top of the commit, as it was staged. */
async function commitStaged(
  sandbox: Pick<Sandbox, "exec">,
  call: {
    readonly name: string;
    readonly from: string | undefined;
    readonly staged: readonly StagedEntry[];
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const message = "Staged before going back to a checkpoint\n";
  const lines = [
    `commit refs/heads/${call.name}`,
    "committer clauderon <clauderon@localhost> 0 +0000",
    `data ${String(message.length)}`,
    message + (call.from === undefined ? "" : `from ${call.from}`),
    ...call.staged.map(({ path, mode, object }) => `M ${mode} ${object} ${quoted(path)}`),
    "",
    "done",
    "",
  ];
  const args = ["fast-import", "--quiet", "--done"];
  await execGit(sandbox, { args, input: Buffer.from(lines.join("\n"), "latin1"), signal: call.signal });
}

/** git-fast-import(1): a path in the style of C. */
function quoted(path: string): string {
  return `"${path
    .replaceAll("\\", String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll("\n", String.raw`\n`)}"`;
}

function describe(kept: { readonly name: string; readonly count: number; readonly staged: number }): string {
  const commits = kept.count === 1 ? "1 commit" : `${String(kept.count)} commits`;
  const staged = kept.staged === 1 ? "1 staged file" : `${String(kept.staged)} staged files`;
  const what = [...(kept.count === 0 ? [] : [commits]), ...(kept.staged === 0 ? [] : [staged])].join(" and ");
  return `made in the sandbox before it went back to the checkpoint, and kept on the branch ${kept.name}: ${what}`;
}
