import type { WorkspaceRecord } from "@clauderon/core/contract";

import { branchNames, freeBranchName } from "../branch-names.ts";
import type { RecordedRef } from "../undo-record.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { listUnreachedFrom } from "./count-unreached-private.ts";
import { privatePlaces } from "./private-places.ts";
import { fetchHere } from "./publish-branch.ts";

export interface KeptCommits {
  /** Short name of a branch of the user's repository. */
  readonly name: string;
  readonly reason: string;
  /** What was made for it now; absent when an earlier call has. */
  readonly made?: RecordedRef | undefined;
}

/** More than these become the parents of one commit. */
const MAX_BRANCHES = 8;

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
  const tips = await tipsOf(tools, outside, { branch, isWhole, signal });
  const heads = await headsOf(tools, commonDirectory, signal);
  const byCommit = new Map([...heads].map(([name, commit]) => [commit, name]));
  const kept: KeptCommits[] = [];
  for (const { ref, commit } of tips) {
    const name = byCommit.get(commit) ?? "";
    // By an earlier call that was cut off.
    if (isKept(name, branch)) kept.push({ name, reason: `it has commits of ${whose(ref, branch)}` });
  }
  const unknown = tips.filter(({ commit }) => !byCommit.has(commit));
  const last = unknown.length === 0 ? new Set() : await unreachedFrom(tools, record, { tips: unknown, signal });
  const found = unknown.filter(({ commit }) => last.has(commit));
  const joined = found.length > MAX_BRANCHES ? await joinTips(tools, record, { tips: found, signal }) : found;
  const names = branchNames(heads.keys());
  const specs: string[] = [];
  for (const { ref, commit } of joined) {
    // Where the user has deleted the branch its name is free, and says most.
    const isFree = ref === branch && freeBranchName(branch, names) === branch;
    const name = isFree ? branch : freeBranchName(`${branch}-kept`, names);
    names.add(name);
    specs.push(`${commit}:refs/heads/${name}`);
    const reason = `commits of ${whose(ref, branch)} that no other branch, tag or remote branch of the repository has`;
    kept.push({ name, reason, made: { name: `refs/heads/${name}`, commit } });
  }
  if (specs.length > 0) await fetchHere(tools, record, { specs, signal });
  return kept;
}

function isKept(name: string, branch: string): boolean {
  return name.startsWith(`${branch}-kept`) && /^-kept(?:-\d+)?$/u.test(name.slice(branch.length));
}

function whose(ref: string, branch: string): string {
  if (ref === branch) return "the session's branch";
  return ref === "" ? "the session's HEAD and branches" : `the session's ${ref === "HEAD" ? ref : `branch ${ref}`}`;
}

interface TipsCall {
  readonly tips: readonly Tip[];
  readonly signal: AbortSignal | undefined;
}

/** Those that no reference of the repository reaches, nor another of them. */
async function unreachedFrom(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  { tips, signal }: TipsCall,
): Promise<ReadonlySet<string>> {
  const asked = { tips: tips.map(({ commit }) => commit), countsOwn: true, signal };
  const lines = (await listUnreachedFrom(tools, record, asked)).map((line) => line.split(" "));
  const parents = new Set(lines.flatMap((line) => line.slice(1)));
  return new Set(lines.flatMap(([commit = ""]) => (parents.has(commit) ? [] : [commit])));
}

/** One commit with the files of the first, from which all of them are reached. */
async function joinTips(
  { git }: WorkspaceTools,
  record: WorkspaceRecord,
  { tips, signal }: TipsCall,
): Promise<readonly Tip[]> {
  const directory = `--git-dir=${privatePlaces(record).outside}`;
  const [first] = tips;
  if (first === undefined) return [];
  const tree = (await git.inspect([directory, "rev-parse", `${first.commit}^{tree}`], { signal })).stdout.trim();
  const parents = tips.map(({ commit }) => `parent ${commit}\n`).join("");
  const author = "clauderon <clauderon@localhost> 0 +0000";
  const message = `Branches of the session\n\n${tips.map(({ ref }) => ref).join("\n")}\n`;
  const input = `tree ${tree}\n${parents}author ${author}\ncommitter ${author}\n\n${message}`;
  const { stdout } = await git.inspect([directory, "hash-object", "-t", "commit", "-w", "--stdin"], { input, signal });
  const commit = stdout.trim();
  // What is fetched has to have a name.
  await git.inspect([directory, "update-ref", "refs/clauderon/kept", commit], { signal });
  return [{ ref: "", commit }];
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
