import type { Sandbox, WorkspaceRecord, WorkspaceSync } from "@clauderon/core/contract";

import { readHead, shortName } from "../read-head.ts";
import { captureSandbox } from "../remote/capture-sandbox.ts";
import { followFiles } from "../remote/follow-files.ts";
import { readRepositoryBranch } from "../remote/read-repository-branch.ts";
import { readRemoteState, writeRemoteState } from "../remote/remote-state.ts";
import { retryLocked } from "../retry-locked.ts";
import { whyOf } from "../why-of.ts";
import { workspaceMissing } from "../workspace-errors.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { type FetchedRefs, fetchSandbox, stagedRef, stashesRef, type SyncLimits, syncLimits } from "./fetch-sandbox.ts";
import { type BlockedBranch, blockedRefs, type BranchPlan, type HostBranch, planBranches } from "./follow-branches.ts";
import { lockIndex, writeIndex } from "./follow-index.ts";
import {
  digestOfIndex,
  type FollowedState,
  type FollowedStates,
  readFollowed,
  writeFollowed,
} from "./followed-state.ts";
import { inTurn } from "./in-turn.ts";
import { noteInside, stampInside } from "./inside-stamp.ts";
import { gitInside, privatePlaces } from "./private-places.ts";
import { nameStaged, nameStashes, readSandboxState, type WholeSandboxState } from "./sandbox-state.ts";
import { namesInside, sendHostBranches } from "./send-host-branches.ts";
import { sendStateBack } from "./send-state-back.ts";
import { overLimit, syncFailed } from "./serve-sandbox-git.ts";
import { writeGitFile } from "./write-git-file.ts";

export interface SyncCall {
  readonly sandbox: Pick<Sandbox, "exec">;
  readonly limits?: SyncLimits | undefined;
  /** Nobody works inside any more. */
  readonly isLast?: boolean | undefined;
  readonly ignoredLimitBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const ATTEMPTS = 4;
/** Of branches that cannot have their names. */
const MAX_TOLD = 10;

export async function syncPrivate(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  call: SyncCall,
): Promise<WorkspaceSync> {
  if (record.kind === "worktree") return { hostBranches: [], notices: [] };
  return inTurn(record, () => syncNow(tools, record, call));
}

async function syncNow(tools: WorkspaceTools, record: WorkspaceRecord, call: SyncCall): Promise<WorkspaceSync> {
  const limits = call.limits ?? syncLimits;
  const timeout = AbortSignal.timeout(limits.timeoutMs);
  const signal = call.signal === undefined ? timeout : AbortSignal.any([call.signal, timeout]);
  const { outside } = privatePlaces(record);
  const { fileSystem } = tools;
  if ((await fileSystem.kindOf(outside)) !== "directory" || (await fileSystem.kindOf(record.path)) !== "directory")
    throw workspaceMissing(record);
  const startedAt = new Date().toISOString();
  const notices: string[] = [...(await writeGitFile(tools, record))];
  try {
    if (record.kind === "private")
      notices.push(...(await sendStateBack(tools, record, { sandbox: call.sandbox, limits, signal })));
    // Before anything is asked: what is written meanwhile is for the next sync.
    const stamp = record.kind === "private" ? await stampInside(tools, record) : undefined;
    const { state, left, ignored, fetched } = await fetchMatching(tools, record, { ...call, limits, signal });
    await using quarantined = fetched;
    await quarantined.keep();
    const before = await refsBefore(tools, outside, signal);
    const plan = await planBranches(tools, { gitDirectory: outside }, { before, fetched: quarantined.refs, signal });
    const committed =
      record.kind === "remote"
        ? await readRepositoryBranch(tools, record, { fetched: quarantined.refs, signal })
        : undefined;
    const branches = committed === undefined ? plan.hostBranches : [...plan.hostBranches, committed];
    const names = namesInside(branches, quarantined.refs);
    const sending = { branches, names, fetched: quarantined.refs, sandbox: call.sandbox, limits, signal };
    let isSent = true;
    try {
      await sendHostBranches(tools, record, sending);
    } catch (error) {
      signal.throwIfAborted();
      isSent = false;
      // What is inside comes out all the same; the next sync tries again.
      notices.push(`your commits could not be given to the sandbox: ${whyOf(error)}`);
    }
    notices.push(...(await follow(tools, record, { state, plan, signal })));
    notices.push(...plan.blocked.slice(0, MAX_TOLD).map((branch) => describeBlocked(branch, record)));
    if (isSent) notices.push(...branches.map((branch) => describeHostBranch(branch, { record, names })));
    if (record.kind === "private") await noteInside(tools, record, stamp);
    else notices.push(...left, ...(await followCopy(tools, record, { refs: quarantined.refs, ignored, signal })));
    if (record.kind === "remote") {
      const { since } = await readRemoteState(tools, record);
      // What was the last word stays it, whoever looks again: until the next `send` nobody works inside.
      if (call.isLast === true && left.length === 0) await writeRemoteState(tools, record, {});
      else if (since !== undefined) await writeRemoteState(tools, record, { since: startedAt });
    }
    const { commit: head, branch } = state;
    const hostBranches = branches.map(({ name }) => name);
    return { head, branch, hostBranches, ...(left.length === 0 ? {} : { left }), ignored, notices };
  } catch (error) {
    if (call.signal?.aborted !== true && timeout.aborted)
      throw overLimit(`it took longer than ${String(limits.timeoutMs / 1000)} s`, "sync_timeout");
    throw error;
  }
}

/** What it ignores comes out only when asked for: an older answer says nothing. */
async function followCopy(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  call: Pick<Matching, "ignored"> & Pick<FetchedRefs, "refs"> & { readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const { refs, ignored, signal } = call;
  const notices: string[] = [];
  for (const part of ignored?.isMore === false ? (["files", "ignored"] as const) : (["files"] as const)) {
    const tree = refs.get(`refs/sandbox/${part}`);
    if (tree !== undefined) notices.push(...(await followFiles(tools, record, { part, tree, signal })));
  }
  return notices;
}

/** Where the files are the same on both sides and nothing was committed inside meanwhile only HEAD and the index have to move. */
function describeHostBranch(
  { name, count, isAhead }: HostBranch,
  { record, names }: { readonly record: WorkspaceRecord; readonly names: ReadonlyMap<string, string> },
): string {
  const { path, kind } = record;
  const inside = `host/${names.get(name) ?? name}`;
  const commits = count === 1 ? "1 commit that was" : `${String(count)} commits that were`;
  const merge = `commit what is open there, then git merge ${inside}`;
  const way = isAhead && kind === "private" ? `git reset ${inside}` : merge;
  const place = name === `repository/${record.branch}` ? record.repositoryPath : path;
  return `${commits} made on ${name.replace(/^repository\//u, "")} in ${place} can be had in the sandbox as ${inside}: ${way}`;
}

/** Git takes what is below `refs/` for a name. */
function describeBlocked({ name, by }: BlockedBranch, { path }: WorkspaceRecord): string {
  return `the sandbox's branch ${name} is sandbox/heads/${name} in ${path}, as your branch ${by} is in the way of its name: git branch --move ${by} OTHER there makes room`;
}

interface Matching {
  readonly state: WholeSandboxState;
  /** What cannot be brought out, a sentence each. */
  readonly left: readonly string[];
  readonly ignored?: WorkspaceSync["ignored"];
  readonly fetched: FetchedRefs;
}

/** The agent may go on meanwhile: what was fetched has to be what the state speaks of. */
async function fetchMatching(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  call: SyncCall & { readonly limits: SyncLimits; readonly signal: AbortSignal },
): Promise<Matching> {
  const { sandbox, signal } = call;
  const { environment } = gitInside(record);
  for (let attempt = 1; ; attempt += 1) {
    const { state, ...besides } =
      record.kind === "remote"
        ? await captureSandbox(sandbox, { environment, ignoredLimitBytes: call.ignoredLimitBytes, signal })
        : { state: await readSandboxState(sandbox, signal), left: [] };
    await nameStaged(sandbox, { staged: state.staged, ref: stagedRef, environment, signal });
    if (state.stashes > 1 || (await hasStashes(tools, record, signal)))
      await nameStashes(sandbox, { stashes: state.stashes, ref: stashesRef, environment, signal });
    const fetched = await fetchSandbox(tools, record, { ...call, hasHead: state.commit !== undefined });
    const names = ["refs/sandbox/HEAD", ...(state.branch === undefined ? [] : [`refs/sandbox/heads/${state.branch}`])];
    if (names.every((name) => fetched.refs.get(name) === state.commit)) return { state, ...besides, fetched };
    await fetched[Symbol.asyncDispose]();
    if (attempt === ATTEMPTS) throw syncFailed("the sandbox's HEAD moved each time that it was looked at");
  }
}

async function hasStashes({ git }: WorkspaceTools, record: WorkspaceRecord, signal: AbortSignal): Promise<boolean> {
  const args = [
    `--git-dir=${privatePlaces(record).outside}`,
    "rev-parse",
    "--verify",
    "--quiet",
    "refs/sandbox/stashes",
  ];
  return (await git.inspect(args, { signal, accepts: [0, 1] })).exitCode === 0;
}

async function refsBefore(
  { git }: WorkspaceTools,
  outside: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const args = [
    `--git-dir=${outside}`,
    "for-each-ref",
    "--format=%(objectname) %(refname)",
    "refs/sandbox",
    "refs/heads",
    blockedRefs,
  ];
  const { stdout } = await git.inspect(args, { signal });
  return new Map(
    stdout.split("\n").flatMap((line) => {
      const at = line.indexOf(" ");
      return at === -1 ? [] : [[line.slice(at + 1), line.slice(0, at)] as const];
    }),
  );
}

interface FollowCall {
  readonly state: WholeSandboxState;
  readonly plan: BranchPlan;
  readonly signal: AbortSignal;
}

/** References in one transaction; HEAD and the index only while they are as they were left. */
async function follow(tools: WorkspaceTools, record: WorkspaceRecord, call: FollowCall): Promise<readonly string[]> {
  const { state, plan, signal } = call;
  const { outside } = privatePlaces(record);
  await using lock = await lockIndex(tools, outside);
  if (lock === undefined) throw syncFailed(`a git command is running in ${record.path}`);
  const followed = await readFollowed(tools, record);
  const here = await headHere(tools, record, signal);
  const held = await whyHeld(tools, record, { ...call, followed, here });
  // Under an index that stays its branch must not move: committing it would take back what the agent has done.
  const stays = held === undefined ? undefined : `update refs/heads/${here.branch ?? ""} `;
  const updates = plan.updates.filter((update) => stays === undefined || !update.startsWith(stays));
  const notices: string[] = [];
  const index = held === undefined ? await writeIndex(tools, record, { ...state, signal }) : undefined;
  if (index !== undefined && index.missing > 0)
    notices.push(
      `${String(index.missing)} staged files of the sandbox did not come with their content and are left out`,
    );
  signal.throwIfAborted();
  const { commit = "" } = state;
  // A branch that cannot be here is checked out without its name.
  const branch = plan.blocked.some(({ name }) => name === state.branch) ? undefined : state.branch;
  const next = index === undefined ? undefined : { branch, commit, index: index.digest };
  const [last] = followed;
  if (next !== undefined && last !== undefined) await writeFollowed(tools, record, [last, next]);
  // What follows is short, and is not cut off in the middle by the caller.
  // What goes makes room first: `fix` for `fix/part`, which git refuses to replace in one transaction.
  const goes = updates.filter((update) => update.startsWith("delete "));
  for (const some of [goes, updates.filter((update) => !goes.includes(update))]) {
    if (some.length === 0) continue;
    const input = ["start", ...some, "prepare", "commit", ""].join("\n");
    await retryLocked(() =>
      tools.git.inspect([`--git-dir=${outside}`, "-c", "core.fsync=all", "update-ref", "--stdin"], { input }),
    );
  }
  if (index === undefined || next === undefined) return held === undefined ? notices : [...notices, held];
  await moveHead(tools, outside, next);
  await lock.replaceBy(index.file);
  await writeFollowed(tools, record, [next]);
  return notices;
}

/** What the user has done here that following would pass over, as a sentence. */
async function whyHeld(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  { plan, signal, followed, here }: FollowCall & { readonly followed: FollowedStates; readonly here: HeadHere },
): Promise<string | undefined> {
  const place = record.path;
  if (plan.hostBranches.some(({ name }) => name === here.branch))
    return `HEAD and the index in ${place} stay at your commit until the sandbox has it, too`;
  const isLeft = ({ branch, commit }: FollowedState): boolean =>
    here.branch === branch && (branch !== undefined || here.commit === commit);
  if (!followed.some(isLeft))
    return `HEAD in ${place} stays where you moved it: git switch ${followed[0]?.branch ?? "BRANCH"} there lets it follow the sandbox again`;
  const digest = await digestOfIndex(tools, record, { signal });
  if (!followed.some(({ index }) => index === digest) && (await hasStaged(tools, record, signal)))
    return `HEAD and the index in ${place} stay as they are, as you have staged something: commit it, or git reset there`;
  return undefined;
}

async function hasStaged({ git }: WorkspaceTools, record: WorkspaceRecord, signal: AbortSignal): Promise<boolean> {
  const args = ["diff-index", "--cached", "--quiet", "--ignore-submodules=dirty", "HEAD", "--"];
  const environment = { GIT_DIR: privatePlaces(record).outside, GIT_WORK_TREE: record.path };
  // 128: no commit to compare with.
  const { exitCode } = await git.inspect(args, { cwd: record.path, environment, signal, accepts: [0, 1, 128] });
  return exitCode !== 0;
}

interface HeadHere {
  readonly branch: string | undefined;
  readonly commit: string;
}

async function headHere(tools: WorkspaceTools, record: WorkspaceRecord, signal: AbortSignal): Promise<HeadHere> {
  const { commit = "", ref } = await readHead(tools, privatePlaces(record).outside, signal);
  return { branch: shortName(ref), commit };
}

async function moveHead(
  { git }: WorkspaceTools,
  outside: string,
  { branch, commit }: { readonly branch?: string | undefined; readonly commit: string },
): Promise<void> {
  const args =
    branch === undefined
      ? ["update-ref", "--no-deref", "-m", "clauderon: as in the sandbox", "HEAD", commit]
      : ["symbolic-ref", "-m", "clauderon: as in the sandbox", "HEAD", `refs/heads/${branch}`];
  await retryLocked(() => git.inspect([`--git-dir=${outside}`, ...args]));
}
