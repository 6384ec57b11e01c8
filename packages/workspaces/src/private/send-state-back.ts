import { type Sandbox, WorkspaceError, type WorkspaceRecord } from "@clauderon/core/contract";

import { branchNames } from "../branch-names.ts";
import { isBranchName } from "../plan-workspace.ts";
import { readHead, shortName } from "../read-head.ts";
import { whyOf } from "../why-of.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import type { SyncLimits } from "./fetch-sandbox.ts";
import { digestOfIndex, writeFollowed } from "./followed-state.ts";
import { type GoesBack, readGoesBack, removeGoesBack } from "./goes-back-mark.ts";
import { keepReplaced } from "./keep-replaced.ts";
import { privatePlaces } from "./private-places.ts";
import { pushInside } from "./push-inside.ts";
import { execGit } from "./sandbox-state.ts";

const REFS = "refs/clauderon/back";

export interface SendBackCall {
  readonly sandbox: Pick<Sandbox, "exec">;
  readonly limits: SyncLimits;
  readonly signal: AbortSignal;
}

/**
 * Does what `markGoesBack` asked for; says what could not be made as it was, and where what it replaced is kept. Until everything is done the next call begins
 * anew.
 */
export async function sendStateBack(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  call: SendBackCall,
): Promise<readonly string[]> {
  const mark = await readGoesBack(tools, privatePlaces(record).outside);
  if (mark === undefined) return [];
  try {
    return await sendBack(tools, record, { ...call, mark });
  } catch (error) {
    call.signal.throwIfAborted();
    throw sendBackFailed(mark, error);
  }
}

async function sendBack(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  call: SendBackCall & { readonly mark: GoesBack },
): Promise<readonly string[]> {
  const { sandbox, mark, signal } = call;
  const { outside } = privatePlaces(record);
  const state = await stateHere(tools, record, signal);
  if (state.commit === undefined) {
    await removeGoesBack(tools, outside);
    return ["the sandbox's HEAD stays where it is: the checkpoint has no commit"];
  }
  const specs = [`+${state.commit}:${REFS}/head`, `+${state.staged}:${REFS}/index`];
  await pushInside(tools, record, { ...call, specs });
  const heads = await headsInside(sandbox, signal);
  const blocker = state.branch === undefined ? undefined : branchNames(heads.keys()).blockerOf(state.branch);
  const notices = blocker === undefined ? [] : [`the sandbox has the branch ${blocker}: HEAD is detached there`];
  const target = { commit: state.commit, branch: blocker === undefined ? state.branch : undefined };
  const known = { commits: mark.known, objects: await stagedHere(tools, record, signal) };
  notices.push(...(await keepReplaced({ sandbox, target, heads, known, signal })));
  const run = async (...args: readonly string[]): Promise<unknown> => execGit(sandbox, { args, signal });
  // Of an operation in progress nothing is left: most often there is none, which is no error.
  for (const operation of ["rebase", "am", "cherry-pick", "revert", "merge"])
    await run(operation, "--quit").catch((error: unknown) => {
      signal.throwIfAborted();
      if (!WorkspaceError.isInstance(error)) throw error;
    });
  const message = ["-m", "clauderon checkpoint restore"];
  if (target.branch === undefined) await run("update-ref", ...message, "--no-deref", "HEAD", state.commit);
  else {
    await run("update-ref", ...message, `refs/heads/${target.branch}`, state.commit);
    await run("symbolic-ref", ...message, "HEAD", `refs/heads/${target.branch}`);
  }
  await run("read-tree", `${REFS}/index^{tree}`);
  await execGit(sandbox, { args: ["update-index", "-q", "--refresh"], accepts: [0, 1], signal });
  for (const name of ["head", "index"]) await run("update-ref", "-d", `${REFS}/${name}`);
  const { branch, commit } = state;
  await writeFollowed(tools, record, [{ branch, commit, index: await digestOfIndex(tools, record, { signal }) }]);
  await removeGoesBack(tools, outside);
  return state.hasConflicts ? [...notices, "the conflicts of the checkpoint are not in the sandbox's index"] : notices;
}

async function headsInside(sandbox: Pick<Sandbox, "exec">, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const args = ["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads"];
  const heads = new Map<string, string>();
  for (const line of (await execGit(sandbox, { args, signal })).toString().split("\n")) {
    const [, object, name] = /^([0-9a-f]{40}|[0-9a-f]{64}) refs\/heads\/(.+)$/u.exec(line) ?? [];
    if (object !== undefined && name !== undefined && isBranchName(name)) heads.set(name, object);
  }
  return heads;
}

/** Contents that came out as staged, or are staged on this machine by now. */
async function stagedHere(
  { git }: WorkspaceTools,
  record: WorkspaceRecord,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const { outside } = privatePlaces(record);
  const environment = { GIT_DIR: outside, GIT_WORK_TREE: record.path };
  const listed = await git.inspectBytes(["ls-files", "--stage", "-z"], { cwd: record.path, environment, signal });
  const here = listed.toString("latin1").split("\0");
  const args = [`--git-dir=${outside}`, "ls-tree", "--name-only", "refs/sandbox/index"];
  const { exitCode, stdout } = await git.inspect(args, { signal, accepts: [0, 128] });
  return new Set([
    ...here.flatMap((line) => line.split(" ", 2).slice(1)),
    ...(exitCode === 0 ? stdout.split("\n") : []),
  ]);
}

function sendBackFailed({ checkpoint }: GoesBack, cause: unknown): WorkspaceError {
  const other =
    checkpoint === undefined ? [] : [`or make a session of the checkpoint: clauderon create --from ${checkpoint}`];
  return new WorkspaceError({
    code: "workspace.sync-failed",
    message: "The sandbox could not be brought to the checkpoint that the session went back to",
    why: `it cannot be made what the session went back to, and nothing comes out of it before: ${whyOf(cause)}`,
    fix: [
      "try again; until it is there no agent is started in it, as what that commits would belong to the state before",
      ...other,
    ],
    context: { checkpoint },
    cause,
  });
}

interface StateHere {
  readonly commit: string | undefined;
  readonly branch: string | undefined;
  /** A commit whose tree is the index. */
  readonly staged: string;
  readonly hasConflicts: boolean;
}

async function stateHere(tools: WorkspaceTools, record: WorkspaceRecord, signal: AbortSignal): Promise<StateHere> {
  const { git } = tools;
  const { outside } = privatePlaces(record);
  const ask = async (args: readonly string[]): Promise<string | undefined> => {
    const call = { cwd: record.path, environment: { GIT_DIR: outside, GIT_WORK_TREE: record.path }, signal };
    const { exitCode, stdout } = await git.inspect(args, { ...call, accepts: [0, 1, 128] });
    return exitCode === 0 ? stdout.trim() : undefined;
  };
  const { commit, ref } = await readHead(tools, outside, signal);
  const branch = shortName(ref);
  if (commit === undefined) return { commit, branch, staged: "", hasConflicts: false };
  const written = await ask(["write-tree"]);
  const tree = written ?? (await ask(["rev-parse", "--verify", "HEAD^{tree}"])) ?? "";
  const author = "clauderon <clauderon@localhost> 0 +0000";
  const { stdout } = await git.inspect([`--git-dir=${outside}`, "hash-object", "-t", "commit", "-w", "--stdin"], {
    input: `tree ${tree}\nauthor ${author}\ncommitter ${author}\n\nStaged\n`,
    signal,
  });
  return { commit, branch, staged: stdout.trim(), hasConflicts: written === undefined };
}
