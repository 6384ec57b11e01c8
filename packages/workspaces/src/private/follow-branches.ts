import { branchNames } from "../branch-names.ts";
import type { GitTree } from "../own-git-directory.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";

/** A branch with commits that the sandbox's branch of that name has not. */
export interface HostBranch {
  /** Short name. */
  readonly name: string;
  readonly commit: string;
  /** How many. */
  readonly count: number;
  /** True when it holds all that the sandbox's branch of that name holds. */
  readonly isAhead: boolean;
}

/** A branch of the sandbox's that cannot have its name here. */
export interface BlockedBranch {
  /** Short name. */
  readonly name: string;
  /** Branch of this machine's whose name is in the way. */
  readonly by: string;
}

export interface BranchPlan {
  /** For `git update-ref --stdin`, in one transaction. */
  readonly updates: readonly string[];
  readonly hostBranches: readonly HostBranch[];
  readonly blocked: readonly BlockedBranch[];
}

export interface RefsCall {
  /** As last fetched and as the user has left them, by full name. */
  readonly before: ReadonlyMap<string, string>;
  /** As just fetched: `refs/sandbox/…`. */
  readonly fetched: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
}

const HEADS = "refs/heads/";
const FETCHED = "refs/sandbox/heads/";
/** Branches that were not made here, as another's name was in the way: nobody has deleted them. */
export const blockedRefs: string = "refs/clauderon/blocked/";

/** Branches follow the sandbox's as long as nobody has moved them here, and afterwards when the sandbox's hold what was done here. */
export async function planBranches(
  tools: WorkspaceTools,
  tree: Pick<GitTree, "gitDirectory">,
  { before, fetched, signal }: RefsCall,
): Promise<BranchPlan> {
  const updates: string[] = [];
  const wanted = new Map<string, string>();
  const stays = new Set(
    [...before.keys()].flatMap((name) => (name.startsWith(HEADS) ? [name.slice(HEADS.length)] : [])),
  );
  const hostBranches: HostBranch[] = [];
  for (const [name, object] of fetched) if (before.get(name) !== object) updates.push(`update ${name} ${object}`);
  for (const name of before.keys())
    if (name.startsWith("refs/sandbox/") && !fetched.has(name)) updates.push(`delete ${name}`);
  for (const name of namesOf(before, fetched)) {
    const [inside, was, here] = [fetched.get(FETCHED + name), before.get(FETCHED + name), before.get(HEADS + name)];
    if (here === inside) continue;
    if (here === undefined) {
      // Deleted here: it comes back when somebody works on it inside.
      if (inside !== undefined && (inside !== was || before.has(blockedRefs + name))) wanted.set(name, inside);
      continue;
    }
    const isNew = inside === undefined && was === undefined;
    const without = isNew ? headsOf(fetched) : [inside, was].filter((commit) => commit !== undefined);
    const count = here === was ? 0 : await countBeyond(tools, tree, { commit: here, without, signal });
    const isAhead =
      count > 0 &&
      inside !== undefined &&
      (await countBeyond(tools, tree, { commit: inside, without: [here], signal })) === 0;
    if (count > 0) hostBranches.push({ name, commit: here, count, isAhead });
    else if (inside !== undefined) updates.push(`update ${HEADS}${name} ${inside} ${here}`);
    else if (was !== undefined) {
      updates.push(`delete ${HEADS}${name} ${here}`);
      stays.delete(name);
    }
  }
  const blocked = new Map<string, BlockedBranch>();
  const names = branchNames(stays);
  for (const [name, object] of wanted) {
    const by = names.blockerOf(name);
    if (by === undefined) {
      updates.push(`update ${HEADS}${name} ${object}`);
      names.add(name);
    } else {
      if (before.get(blockedRefs + name) !== object) updates.push(`update ${blockedRefs}${name} ${object}`);
      blocked.set(blockedRefs + name, { name, by });
    }
  }
  for (const name of before.keys())
    if (name.startsWith(blockedRefs) && !blocked.has(name)) updates.push(`delete ${name}`);
  return { updates, hostBranches, blocked: [...blocked.values()] };
}

function namesOf(before: ReadonlyMap<string, string>, fetched: ReadonlyMap<string, string>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const name of [...before.keys(), ...fetched.keys()])
    for (const start of [HEADS, FETCHED]) if (name.startsWith(start)) names.add(name.slice(start.length));
  return names;
}

function headsOf(fetched: ReadonlyMap<string, string>): readonly string[] {
  return [...fetched].flatMap(([name, object]) => (name.startsWith(FETCHED) ? [object] : []));
}

/** Commits that it reaches and the others do not. */
export async function countBeyond(
  { git }: WorkspaceTools,
  { gitDirectory }: Pick<GitTree, "gitDirectory">,
  call: { readonly commit: string; readonly without: readonly string[]; readonly signal: AbortSignal },
): Promise<number> {
  const input = [call.commit, ...call.without.map((commit) => `^${commit}`), ""].join("\n");
  const args = [`--git-dir=${gitDirectory}`, "rev-list", "--count", "--stdin"];
  return Number((await git.inspect(args, { input, signal: call.signal })).stdout.trim());
}
