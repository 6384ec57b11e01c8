import type { WorkspaceRecord } from "@clauderon/core/contract";

import { freeBranchName } from "../branch-names.ts";
import type { RecordedRef } from "../undo-record.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { countUnreachedFrom } from "./count-unreached-private.ts";
import { privatePlaces } from "./private-places.ts";
import { fetchHere } from "./publish-branch.ts";

export interface KeptCommits {
  /** Short name of a branch of the user's repository. */
  readonly name: string;
  readonly reason: string;
  /** What was made for it now; absent when an earlier call has. */
  readonly made?: RecordedRef | undefined;
}

/**
 * Before the git directories of a session with its own go: puts commits that no reference of the user's repository reaches on branches of their own there. Those of
 * the session's branch; with `isWhole` those of all that the session has. Idempotent.
 */
export async function keepUnpublished(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  { isWhole, signal }: { readonly isWhole: boolean; readonly signal: AbortSignal | undefined },
): Promise<readonly KeptCommits[]> {
  const { fileSystem } = tools;
  const { outside } = privatePlaces(record);
  const { commonDirectory, branch } = record;
  for (const directory of [outside, commonDirectory])
    if ((await fileSystem.kindOf(directory)) !== "directory") return [];
  const kept: KeptCommits[] = [];
  const tips = await tipsOf(tools, outside, { branch, isWhole, signal });
  for (const { ref, commit } of tips) {
    const heads = await headsOf(tools, commonDirectory, signal);
    const earlier = [...heads].find(([name, at]) => at === commit && isKept(name, branch));
    if (earlier !== undefined) {
      kept.push({ name: earlier[0], reason: `it has commits of ${whose(ref, branch)}` });
      continue;
    }
    const asked = { tips: [commit], countsOwn: true, signal };
    // What is below another of these goes with that.
    const without = tips.flatMap((other) => (other.commit === commit ? [] : [other.commit]));
    if ((await countUnreachedFrom(tools, record, { ...asked, without })) === 0) continue;
    const count = await countUnreachedFrom(tools, record, asked);
    const names = new Set(heads.keys());
    // Where the user has deleted the branch its name is free, and says most.
    const isFree = ref === branch && freeBranchName(branch, names) === branch;
    const name = isFree ? branch : freeBranchName(`${branch}-kept`, names);
    await fetchHere(tools, record, { specs: [`${commit}:refs/heads/${name}`], signal });
    const commits = count === 1 ? "1 commit" : `${String(count)} commits`;
    const reason = `${commits} of ${whose(ref, branch)}, which no other branch, tag or remote branch of the repository reached`;
    kept.push({ name, reason, made: { name: `refs/heads/${name}`, commit } });
  }
  return kept;
}

function isKept(name: string, branch: string): boolean {
  return name.startsWith(`${branch}-kept`) && /^-kept(?:-\d+)?$/u.test(name.slice(branch.length));
}

function whose(ref: string, branch: string): string {
  if (ref === branch) return "the session's branch";
  return ref === "HEAD" ? "the session's HEAD" : `the session's branch ${ref}`;
}

interface Tip {
  /** Short name of the branch; `HEAD` when it is on none. */
  readonly ref: string;
  readonly commit: string;
}

/** The session's own branch first: here, and as it last came out of the sandbox. */
async function tipsOf(
  { git }: WorkspaceTools,
  outside: string,
  {
    branch,
    isWhole,
    signal,
  }: { readonly branch: string; readonly isWhole: boolean; readonly signal: AbortSignal | undefined },
): Promise<readonly Tip[]> {
  const spaces = ["refs/heads", "refs/sandbox/heads"];
  const patterns = isWhole ? [...spaces, "refs/sandbox/HEAD"] : spaces.map((space) => `${space}/${branch}`);
  const args = [`--git-dir=${outside}`, "for-each-ref", "--format=%(objectname) %(refname)", ...patterns];
  const { stdout } = await git.inspect(args, { signal });
  const tips = stdout.split("\n").flatMap((line): readonly Tip[] => {
    const [, commit = "", name = ""] = /^([0-9a-f]+) refs\/(?:heads|sandbox\/heads|sandbox)\/(.+)$/u.exec(line) ?? [];
    // Of a pattern git shows what lies below it, too.
    return name === "" || (!isWhole && name !== branch) ? [] : [{ ref: name, commit }];
  });
  if (isWhole) {
    const head = await git.inspect([`--git-dir=${outside}`, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"], {
      signal,
      accepts: [0, 1, 128],
    });
    if (head.exitCode === 0) tips.push({ ref: "HEAD", commit: head.stdout.trim() });
  }
  const ordered = [...tips.filter(({ ref }) => ref === branch), ...tips.filter(({ ref }) => ref !== branch)];
  return ordered.filter(({ commit }, index) => ordered.findIndex((other) => other.commit === commit) === index);
}

async function headsOf(
  { git }: WorkspaceTools,
  commonDirectory: string,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, string>> {
  const args = [
    `--git-dir=${commonDirectory}`,
    "for-each-ref",
    "--format=%(objectname) %(refname:lstrip=2)",
    "refs/heads",
  ];
  const { stdout } = await git.inspect(args, { signal });
  return new Map(
    stdout.split("\n").flatMap((line) => {
      const at = line.indexOf(" ");
      return at === -1 ? [] : [[line.slice(at + 1), line.slice(0, at)] as const];
    }),
  );
}
