import { join } from "node:path";

import { type Sandbox, WorkspaceError, type WorkspaceRecord, type WorkspaceSending } from "@clauderon/core/contract";

import { formatGitConfig } from "../git-config-file.ts";
import { indexInfo } from "../index-info.ts";
import { type SyncLimits, syncLimits } from "../private/fetch-sandbox.ts";
import { inTurn } from "../private/in-turn.ts";
import { gitInside, privatePlaces } from "../private/private-places.ts";
import { pushInside } from "../private/push-inside.ts";
import { readIdentity } from "../private/read-identity.ts";
import { execGit, type ExecGitCall, execInside } from "../private/sandbox-state.ts";
import { settingsInside } from "../private/write-git-directories.ts";
import type { UserSettings } from "../user-settings.ts";
import { workspaceMissing } from "../workspace-errors.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { type CapturedCopy, captureCopy, markLaidOut } from "./capture-copy.ts";
import { prepareVerbatim, verbatimInside } from "./capture-sandbox.ts";
import { readRemoteState, writeRemoteState } from "./remote-state.ts";

export interface SendCall {
  readonly sandbox: Pick<Sandbox, "exec">;
  readonly settings: UserSettings;
  readonly limits?: SyncLimits | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Puts a remote workspace into a sandbox whose own is empty, and says from then on that the sandbox may hold what is not here. A sandbox that had it before
 * and is empty again has lost what did not come out: since when, is said until something comes out of it.
 */
export async function sendRemote(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  call: SendCall,
): Promise<Pick<WorkspaceSending, "lostSince">> {
  if (record.kind !== "remote") return {};
  const limits = call.limits ?? syncLimits;
  const timeout = AbortSignal.timeout(limits.timeoutMs);
  const signal = call.signal === undefined ? timeout : AbortSignal.any([call.signal, timeout]);
  return inTurn(record, async () => {
    const { outside } = privatePlaces(record);
    if ((await tools.fileSystem.kindOf(outside)) !== "directory") throw workspaceMissing(record);
    let state = await readRemoteState(tools, record);
    try {
      if (await isEmptyInside(call.sandbox, signal)) {
        const { since, lostSince = since } = state;
        // Before it is filled: afterwards nobody could tell.
        if (lostSince !== undefined) await writeRemoteState(tools, record, { since: lostSince, lostSince });
        await send(tools, record, { ...call, limits, signal });
        state = { lostSince };
      }
    } catch (error) {
      if (call.signal?.aborted !== true && timeout.aborted)
        throw sendFailed(`it took longer than ${String(limits.timeoutMs / 1000)} s`, error);
      throw error;
    }
    const { since = new Date().toISOString(), lostSince } = state;
    await writeRemoteState(tools, record, { since, lostSince });
    return lostSince === undefined ? {} : { lostSince };
  });
}

const STATE = "clauderon.state";
const SENDING = "sending";

/** True as well when an earlier transfer was cut. Whatever else is there is the sandbox's work, and is not touched. */
async function isEmptyInside(sandbox: Pick<Sandbox, "exec">, signal: AbortSignal): Promise<boolean> {
  const listed = (await execInside(sandbox, { argv: ["ls", "-A"], signal })).toString("latin1").split("\n");
  // Of the root of a fresh file system.
  const names = listed.filter((name) => name !== "" && name !== "lost+found");
  if (names.length === 0) return true;
  if (!names.includes(".git")) return false;
  const args = ["config", "--file", ".git/config", "--default", "", "--get", STATE];
  const state = (await execGit(sandbox, { args, signal })).toString("latin1").trim();
  return state === SENDING || (state === "" && names.length === 1);
}

interface Sending {
  readonly sandbox: Pick<Sandbox, "exec">;
  readonly settings: UserSettings;
  readonly limits: SyncLimits;
  readonly signal: AbortSignal;
}

async function send(tools: WorkspaceTools, record: WorkspaceRecord, call: Sending): Promise<void> {
  const { sandbox, settings, signal } = call;
  const copy = await captureCopy(tools, record, { settings, signal });
  await begin(tools, record, call);
  await push(tools, record, { ...call, copy });
  await layOut(sandbox, copy, { environment: gitInside(record).environment, signal });
  await markLaidOut(tools, record, copy);
  await execGit(sandbox, { args: ["config", "--file", ".git/config", STATE, "sent"], signal });
}

async function begin(tools: WorkspaceTools, record: WorkspaceRecord, { sandbox, signal }: Sending): Promise<void> {
  const format = record.base.length === 64 ? ["--object-format=sha256"] : [];
  await execGit(sandbox, { args: ["init", "--quiet", "--template=", ...format, "."], signal });
  const identity = await readIdentity(tools, record, signal);
  const entries = [...identity, ...(await settingsInside(tools, record)), { key: STATE, value: SENDING }];
  const write = (file: string, text: string): Promise<Buffer> =>
    execInside(sandbox, { argv: ["tee", "--", file], input: Buffer.from(text), signal });
  await write(".git/config", formatGitConfig(entries));
  const exclude = await tools.fileSystem.readText(join(privatePlaces(record).outside, "info", "exclude"));
  if (exclude === undefined) return;
  await execInside(sandbox, { argv: ["mkdir", "-p", "--", ".git/info"], signal });
  await write(".git/info/exclude", exclude);
}

const incoming = "refs/clauderon/in";

async function push(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  { copy, ...call }: Sending & { readonly copy: CapturedCopy },
): Promise<void> {
  const specs = [
    ...["heads", "tags", "remotes"].map((space) => `+refs/${space}/*:refs/${space}/*`),
    `+refs/sandbox/stash*:${incoming}/stash*`,
    ...(copy.head === undefined ? [] : [`+${copy.head}:${incoming}/head`]),
    `+${copy.start}:${incoming}/start`,
    `+${copy.files}:${incoming}/files`,
    `+${copy.ignored}:${incoming}/ignored`,
    `+${copy.stagedContents}:${incoming}/staged`,
  ];
  const settings = ["receive.denyCurrentBranch=ignore", "receive.shallowUpdate=true", "receive.autogc=false"];
  try {
    await pushInside(tools, record, { ...call, specs, settings, isAtomic: true });
  } catch (error) {
    call.signal.throwIfAborted();
    throw sendFailed(WorkspaceError.isInstance(error) ? (error.why ?? "") : "", error);
  }
}

/** HEAD, index and working tree as they are here. Nobody works inside yet. */
async function layOut(
  sandbox: Pick<Sandbox, "exec">,
  copy: CapturedCopy,
  { environment, signal }: { readonly environment: Readonly<Record<string, string>>; readonly signal: AbortSignal },
): Promise<void> {
  // Its content is fetched through the proxy, when the agent asks for it.
  const call = { environment: { ...environment, GIT_LFS_SKIP_SMUDGE: "1" }, signal };
  const run = (args: readonly string[], input?: string): Promise<Buffer> =>
    execGit(sandbox, { args, ...call, ...(input === undefined ? {} : { input: Buffer.from(input, "latin1") }) });
  const { head, branch, start, files, ignored, changed, staged } = copy;
  if (branch !== undefined) await run(["symbolic-ref", "HEAD", branch]);
  else if (head !== undefined) await run(["update-ref", "--no-deref", "HEAD", head]);
  await run(["read-tree", "--reset", "-u", files]);
  await run(["read-tree", "--reset", start]);
  if (staged.length > 0)
    await execGit(sandbox, {
      args: ["update-index", "-z", "--index-info"],
      ...call,
      input: indexInfo(staged, start),
    });
  const scratch = await prepareVerbatim(sandbox, call);
  const own = (
    index: string,
  ): { readonly environment: Readonly<Record<string, string>>; readonly signal: AbortSignal } => ({
    environment: verbatimInside(scratch, index),
    signal,
  });
  await execGit(sandbox, { args: ["read-tree", files], ...own("index") });
  const input = Buffer.from(changed.map((path) => `${path}\0`).join(""), "latin1");
  if (changed.length > 0)
    await execGit(sandbox, { args: ["checkout-index", "--force", "-z", "--stdin"], input, ...own("index") });
  await execGit(sandbox, { args: ["read-tree", ignored], ...own("ignored") });
  await execGit(sandbox, { args: ["checkout-index", "--force", "--all"], ...own("ignored") });
  await layOutStashes(sandbox, call);
  const names = (await run(["for-each-ref", "--format=%(refname)", incoming])).toString("latin1").split("\n");
  const deletions = names.filter((name) => name.startsWith(`${incoming}/`)).map((name) => `delete ${name}\n`);
  await run(["update-ref", "--stdin"], deletions.join(""));
}

/** The oldest first, each with what it says of itself. */
async function layOutStashes(
  sandbox: Pick<Sandbox, "exec">,
  call: Pick<ExecGitCall, "environment" | "signal">,
): Promise<void> {
  const ask = async (args: readonly string[], accepts: readonly number[] = [0]): Promise<string> =>
    (await execGit(sandbox, { args, accepts, ...call })).toString().trim();
  const one = await ask(["rev-parse", "--verify", "--quiet", `${incoming}/stash`], [0, 1]);
  if (one === "") return;
  // Several are the parents of one commit.
  const several = await ask(["rev-parse", "--verify", "--quiet", `${incoming}/stashes^@`], [0, 1, 128]);
  const stashes = /^[0-9a-f]/u.test(several) ? several.split("\n") : [one];
  // Of an earlier transfer that was cut here.
  await ask(["stash", "clear"]);
  for (const object of stashes.toReversed()) {
    const subject = await ask(["log", "--max-count=1", "--format=%s", object]);
    await ask(["stash", "store", "--quiet", "--message", subject, object]);
  }
}

function sendFailed(why: string, cause: unknown): Error {
  return new WorkspaceError({
    code: "workspace.sync-failed",
    message: "The session's files could not be brought into its sandbox",
    why: why === "" ? undefined : why,
    fix: ["try again: what was begun is completed", "see whether git works inside: its image needs git 2.28 or newer"],
    cause,
  });
}
