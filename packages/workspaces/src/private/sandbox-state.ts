import { type Sandbox } from "@clauderon/core/contract";

import { isBranchName } from "../plan-workspace.ts";
import { printable, syncFailed } from "./serve-sandbox-git.ts";

/** One entry of the sandbox's index that HEAD has otherwise, or not. */
export interface StagedEntry {
  /** Bytes, held one per character. */
  readonly path: string;
  /** `000000`: deleted. */
  readonly mode: string;
  readonly object: string;
  /** 0, or 1 to 3 in a conflict. */
  readonly stage: number;
}

/** What is checked out and staged inside, as git there says. */
export interface SandboxState {
  /** Absent on a branch without commits. */
  readonly commit?: string | undefined;
  /** Short name; absent when detached. */
  readonly branch?: string | undefined;
  readonly staged: readonly StagedEntry[];
  /** How many stashes there are. */
  readonly stashes: number;
}

export interface WholeSandboxState extends SandboxState {
  /** Files that a sparse checkout leaves out; bytes, held one per character. */
  readonly leftOut: readonly string[];
}

const MAX_STATUS_BYTES = 64 * 1024 * 1024;
const HASH = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/u;
const MODE = /^(?:000000|100644|100755|120000|160000)$/u;

/** Asks git inside the sandbox; what it says is the agent's word. */
export async function readSandboxState(
  sandbox: Pick<Sandbox, "exec">,
  signal: AbortSignal,
): Promise<WholeSandboxState> {
  const sparse = execGit(sandbox, {
    args: ["config", "--type=bool", "--get", "core.sparseCheckout"],
    accepts: [0, 1],
    signal,
  });
  const status = execGit(sandbox, {
    args: [
      "status",
      "--porcelain=v2",
      "--branch",
      "-z",
      "--no-renames",
      "--untracked-files=no",
      "--ignore-submodules=dirty",
      "--show-stash",
    ],
    signal,
  });
  const [output, isSparse] = await Promise.all([status, sparse]);
  const state = parseSandboxState(output);
  if (isSparse.toString("latin1").trim() !== "true") return { ...state, leftOut: [] };
  const listed = await execGit(sandbox, { args: ["ls-files", "-t", "-z"], signal });
  const leftOut = listed.toString("latin1").split("\0");
  return { ...state, leftOut: leftOut.flatMap((line) => (line.startsWith("S ") ? [line.slice(2)] : [])) };
}

export function parseSandboxState(output: Buffer): SandboxState {
  const lines = output.toString("latin1").split("\0");
  let commit: string | undefined;
  let branch: string | undefined;
  const staged: StagedEntry[] = [];
  let stashes = 0;
  for (const line of lines) {
    if (/^# stash \d{1,6}$/u.test(line)) stashes = Number(line.slice("# stash ".length));
    if (line.startsWith("# branch.oid ")) commit = line.slice("# branch.oid ".length);
    else if (line.startsWith("# branch.head "))
      branch = Buffer.from(line.slice("# branch.head ".length), "latin1").toString();
    else if (line.startsWith("1 ")) staged.push(...ordinary(line));
    else if (line.startsWith("u ")) staged.push(...unmerged(line));
  }
  if (commit === undefined || branch === undefined) throw malformed("it does not say what is checked out");
  if (branch !== "(detached)" && !isBranchName(branch)) throw malformed("what is checked out is no branch");
  if (commit !== "(initial)" && !HASH.test(commit)) throw malformed("its HEAD is no commit");
  return {
    ...(commit === "(initial)" ? {} : { commit }),
    ...(branch === "(detached)" ? {} : { branch }),
    staged,
    stashes,
  };
}

/** `1 XY sub mH mI mW hH hI path` */
function ordinary(line: string): readonly StagedEntry[] {
  const fields = line.split(" ", 8);
  const path = line.slice(fields.join(" ").length + 1);
  const [, states = "", , , mode = "", , , object = ""] = fields;
  return states.startsWith(".") ? [] : [checked({ path, mode, object, stage: 0 })];
}

/** `u XY sub m1 m2 m3 mW h1 h2 h3 path` */
function unmerged(line: string): readonly StagedEntry[] {
  const fields = line.split(" ", 10);
  const path = line.slice(fields.join(" ").length + 1);
  return [1, 2, 3]
    .map((stage) => checked({ path, mode: fields[stage + 2] ?? "", object: fields[stage + 6] ?? "", stage }))
    .filter(({ mode }) => mode !== "000000");
}

function checked(entry: StagedEntry): StagedEntry {
  if (entry.path === "" || !MODE.test(entry.mode) || !HASH.test(entry.object))
    throw malformed(`an entry of its index makes no sense: ${printable(JSON.stringify(entry))}`);
  return entry;
}

/**
 * Puts the staged contents, which no commit holds, under a reference that a fetch can ask for. Git inside writes it; what it leaves out is missing
 * afterwards, and treated so.
 */
export async function nameStaged(
  sandbox: Pick<Sandbox, "exec">,
  {
    staged,
    ref,
    ...call
  }: Pick<ExecGitCall, "environment" | "signal"> & { readonly staged: readonly StagedEntry[]; readonly ref: string },
): Promise<void> {
  const objects = new Set(
    staged.filter(({ mode }) => mode !== "160000" && mode !== "000000").map(({ object }) => object),
  );
  if (objects.size === 0) return;
  const lines = [...objects].map((object) => `M 100644 ${object} ${object}`);
  const input = [
    `commit ${ref}`,
    "committer clauderon <clauderon@localhost> 0 +0000",
    "data 0",
    ...lines,
    "",
    "done",
    "",
  ];
  await execGit(sandbox, {
    args: ["fast-import", "--quiet", "--force", "--done"],
    input: Buffer.from(input.join("\n")),
    ...call,
  });
}

/** Puts all stashes under one reference: but for the last, git names them in a log alone. */
export async function nameStashes(
  sandbox: Pick<Sandbox, "exec">,
  {
    stashes,
    ref,
    ...call
  }: Pick<ExecGitCall, "environment" | "signal"> & { readonly stashes: number; readonly ref: string },
): Promise<void> {
  if (stashes < 2) return void (await execGit(sandbox, { args: ["update-ref", "-d", ref], ...call }));
  const listed = await execGit(sandbox, { args: ["rev-list", "--walk-reflogs", "refs/stash"], ...call });
  const [first, ...others] = listed
    .toString("latin1")
    .split("\n")
    .filter((line) => HASH.test(line));
  if (first === undefined) return;
  const parents = [`from ${first}`, ...others.map((commit) => `merge ${commit}`)];
  const input = [
    `commit ${ref}`,
    "committer clauderon <clauderon@localhost> 0 +0000",
    "data 0",
    ...parents,
    "",
    "done",
    "",
  ];
  await execGit(sandbox, {
    args: ["fast-import", "--quiet", "--force", "--done"],
    input: Buffer.from(input.join("\n")),
    ...call,
  });
}

export interface ExecGitCall {
  readonly args: readonly string[];
  /** Exit codes; default 0. */
  readonly accepts?: readonly number[] | undefined;
  readonly input?: Buffer | undefined;
  /** Where git is to look; default: where it finds itself. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  readonly signal: AbortSignal;
}

/** Runs git inside the sandbox. What it says is the agent's word. */
export function execGit(sandbox: Pick<Sandbox, "exec">, { args, ...call }: ExecGitCall): Promise<Buffer> {
  return execInside(sandbox, { argv: ["git", ...args], ...call });
}

/** Runs a program inside the sandbox: what it writes is bounded, and an abort ends it. */
export async function execInside(
  sandbox: Pick<Sandbox, "exec">,
  call: Omit<ExecGitCall, "args"> & { readonly argv: readonly [string, ...string[]] },
): Promise<Buffer> {
  const { argv, input, accepts = [0], signal } = call;
  const environment = { LC_ALL: "C", GIT_OPTIONAL_LOCKS: "0", ...call.environment };
  const stdin = input === undefined ? "ignore" : "pipe";
  const handle = await sandbox.exec(argv, { stdin, environment, signal });
  const onAbort = (): void => {
    handle.kill("SIGKILL").catch(() => {
      // The sandbox is gone, and all in it.
    });
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const [stdout, stderr, exit] = await Promise.all([
      readLimited(handle.stdout, MAX_STATUS_BYTES),
      readLimited(handle.stderr, MAX_STATUS_BYTES),
      handle.exit,
      input === undefined ? undefined : writeAll(handle.stdin, input),
    ]);
    signal.throwIfAborted();
    if (accepts.includes(exit.exitCode)) return stdout;
    const complaint = printable(stderr.toString("utf8"));
    throw syncFailed(
      `${argv.slice(0, 2).join(" ")} inside the sandbox ended with exit code ${String(exit.exitCode)}`,
      complaint,
    );
  } catch (error) {
    onAbort();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function writeAll(stream: WritableStream<Uint8Array>, bytes: Buffer): Promise<void> {
  const writer = stream.getWriter();
  try {
    await writer.write(bytes);
    await writer.close();
  } catch {
    // It reads no more: its exit tells why.
  }
}

async function readLimited(stream: ReadableStream<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw syncFailed(`git inside the sandbox wrote more than ${String(maxBytes)} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function malformed(why: string): Error {
  return syncFailed("what git inside the sandbox says of its state cannot be read", why);
}
