import { join } from "node:path";

import { type Sandbox, WorkspaceError, type WorkspaceRecord } from "@clauderon/core/contract";

import type { WorkspaceTools } from "../workspace-tools.ts";
import type { SyncLimits } from "./fetch-sandbox.ts";
import { digestOfIndex, writeFollowed } from "./followed-state.ts";
import { privatePlaces } from "./private-places.ts";
import { pushInside } from "./push-inside.ts";
import { execGit } from "./sandbox-state.ts";

const NAME = "clauderon-goes-back";
const REFS = "refs/clauderon/back";

/** From now on the sandbox's HEAD, branch and index have to become what they are on this machine: files have been put back that belong to that. */
export async function markGoesBack({ fileSystem }: WorkspaceTools, gitDirectory: string): Promise<void> {
  await fileSystem.replaceDurably(join(gitDirectory, NAME), "");
}

export interface SendBackCall {
  readonly sandbox: Pick<Sandbox, "exec">;
  readonly limits: SyncLimits;
  readonly signal: AbortSignal;
}

/** Does what `markGoesBack` asked for; says what could not be made as it was. Idempotent: until everything is done the next call begins anew. */
export async function sendStateBack(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  call: SendBackCall,
): Promise<readonly string[]> {
  const { fileSystem } = tools;
  const { outside } = privatePlaces(record);
  const mark = join(outside, NAME);
  if ((await fileSystem.kindOf(mark)) === "absent") return [];
  const { sandbox, signal } = call;
  const state = await stateHere(tools, record, signal);
  if (state.commit === undefined) {
    await fileSystem.remove(mark);
    return ["the sandbox's HEAD stays where it is: the checkpoint has no commit"];
  }
  const specs = [`+${state.commit}:${REFS}/head`, `+${state.staged}:${REFS}/index`];
  await pushInside(tools, record, { ...call, specs });
  const run = async (...args: readonly string[]): Promise<unknown> => execGit(sandbox, { args, signal });
  // Of an operation in progress nothing is left: most often there is none, which is no error.
  for (const operation of ["rebase", "am", "cherry-pick", "revert", "merge"])
    await run(operation, "--quit").catch((error: unknown) => {
      signal.throwIfAborted();
      if (!WorkspaceError.isInstance(error)) throw error;
    });
  const message = ["-m", "clauderon checkpoint restore"];
  if (state.branch === undefined) await run("update-ref", ...message, "--no-deref", "HEAD", state.commit);
  else {
    await run("update-ref", ...message, `refs/heads/${state.branch}`, state.commit);
    await run("symbolic-ref", ...message, "HEAD", `refs/heads/${state.branch}`);
  }
  await run("read-tree", `${REFS}/index^{tree}`);
  await execGit(sandbox, { args: ["update-index", "-q", "--refresh"], accepts: [0, 1], signal });
  for (const name of ["head", "index"]) await run("update-ref", "-d", `${REFS}/${name}`);
  const { branch, commit } = state;
  await writeFollowed(tools, record, [{ branch, commit, index: await digestOfIndex(tools, record, { signal }) }]);
  await fileSystem.remove(mark);
  return state.hasConflicts ? ["the conflicts of the checkpoint are not in the sandbox's index"] : [];
}

interface StateHere {
  readonly commit: string | undefined;
  readonly branch: string | undefined;
  /** A commit whose tree is the index. */
  readonly staged: string;
  readonly hasConflicts: boolean;
}

async function stateHere({ git }: WorkspaceTools, record: WorkspaceRecord, signal: AbortSignal): Promise<StateHere> {
  const { outside } = privatePlaces(record);
  const ask = async (args: readonly string[]): Promise<string | undefined> => {
    const call = { cwd: record.path, environment: { GIT_DIR: outside, GIT_WORK_TREE: record.path }, signal };
    const { exitCode, stdout } = await git.inspect(args, { ...call, accepts: [0, 1, 128] });
    return exitCode === 0 ? stdout.trim() : undefined;
  };
  const commit = await ask(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
  const branch = (await ask(["symbolic-ref", "--quiet", "HEAD"]))?.replace(/^refs\/heads\//u, "");
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
