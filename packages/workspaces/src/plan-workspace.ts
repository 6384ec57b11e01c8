import { join } from "node:path";

import { WorkspaceError, type WorkspaceRecord, type WorkspaceRequest } from "@clauderon/core/contract";

import { lookUpBranch } from "./branch-lookup.ts";
import { requireGit } from "./repository/require-git.ts";
import { fileNameOf, type WorkspaceClaims } from "./workspace-claims.ts";
import { branchExists, branchInUse, branchTaken, pathExists } from "./workspace-errors.ts";
import { validateWorkspaceName } from "./workspace-name.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

/** Looks at everything `create` will need and makes nothing but the directory of worktrees. */
export async function planWorkspace(
  tools: WorkspaceTools,
  claims: WorkspaceClaims,
  call: { readonly request: WorkspaceRequest; readonly signal?: AbortSignal | undefined },
): Promise<WorkspaceRecord> {
  const { request, signal } = call;
  validateWorkspaceName(request.name);
  const claim = await claims.get(request.sessionId);
  if (claim !== undefined) return claim.record;
  await requireGit(tools.environment);
  const worktrees = join(tools.homeDirectory, "worktrees");
  await tools.fileSystem.makeDirectory(worktrees);
  // Git stores real paths; the record has the same.
  const path = join(await tools.fileSystem.realPath(worktrees), request.name);
  if ((await tools.fileSystem.kindOf(path)) !== "absent") throw pathExists(path, request.name);
  const branch = request.branch ?? `${request.branchPrefix}${request.name}`;
  const start =
    request.branch === undefined
      ? await planNewBranch(tools, { request, branch, signal })
      : await planExistingBranch(tools, claims, { request, branch, signal });
  const isolated = request.isRemote === true ? "remote" : "private";
  const kind = request.isPrivate === true || request.isRemote === true ? isolated : "worktree";
  return {
    kind,
    path,
    repositoryPath: request.repository.path,
    commonDirectory: request.repository.commonDirectory,
    branch,
    isOwnBranch: request.branch === undefined,
    base: start,
    ...(kind === "worktree" ? {} : { privateDirectory: await planPrivateDirectory(tools, request.sessionId) }),
  };
}

/** Real, as it is the same path inside. */
async function planPrivateDirectory({ fileSystem, homeDirectory }: WorkspaceTools, sessionId: string): Promise<string> {
  const parent = join(homeDirectory, "private");
  await fileSystem.makeDirectory(parent);
  return join(await fileSystem.realPath(parent), fileNameOf(sessionId));
}

interface BranchPlan {
  readonly request: WorkspaceRequest;
  readonly branch: string;
  readonly signal: AbortSignal | undefined;
}

async function planNewBranch(tools: WorkspaceTools, { request, branch, signal }: BranchPlan): Promise<string> {
  if (!isBranchName(branch)) {
    throw new WorkspaceError({
      code: "workspace.base-not-found",
      message: `${JSON.stringify(branch)} cannot be the name of a branch`,
      why: `it is made from the prefix ${JSON.stringify(request.branchPrefix)} and the session's name`,
      fix: ["set another prefix: clauderon config set workspace.branch_prefix clauderon/"],
    });
  }
  const found = await lookUpBranch(tools, request.repository.commonDirectory, branch);
  if (found.state !== "free") throw branchExists(branch, found.state === "blocked" ? found.by : undefined);
  return request.base === undefined
    ? request.repository.head
    : resolveCommit(tools, request.repository.path, { base: request.base, signal });
}

async function planExistingBranch(
  tools: WorkspaceTools,
  claims: WorkspaceClaims,
  { request, branch, signal }: BranchPlan,
): Promise<string> {
  const { commonDirectory } = request.repository;
  if (request.base !== undefined) {
    throw new WorkspaceError({
      code: "workspace.base-not-found",
      message: "A base and an existing branch cannot be given together",
      why: "work on an existing branch starts from that branch",
      fix: ["leave out --base, or leave out --branch"],
    });
  }
  const tip = isBranchName(branch)
    ? await tools.git.inspect(
        [
          `--git-dir=${commonDirectory}`,
          "rev-parse",
          "--verify",
          "--quiet",
          "--end-of-options",
          `refs/heads/${branch}^{commit}`,
        ],
        { signal, accepts: [0, 1] },
      )
    : undefined;
  if (tip?.exitCode !== 0) {
    throw new WorkspaceError({
      code: "workspace.base-not-found",
      message: `There is no branch ${JSON.stringify(branch)} in ${request.repository.path}`,
      fix: [
        `see the branches: git -C '${request.repository.path}' branch --list`,
        "leave out --branch to work on a new one",
      ],
      context: { branch },
    });
  }
  const place = await findCheckout(tools, { commonDirectory, branch, signal });
  if (place !== undefined) throw branchInUse(branch, place);
  await refuseTakenBranch(claims, { sessionId: request.sessionId, commonDirectory, branch });
  return tip.stdout.trim();
}

/** Git does not know who works on a branch in a git directory of their own. */
export async function refuseTakenBranch(
  claims: WorkspaceClaims,
  call: { readonly sessionId: string; readonly commonDirectory: string; readonly branch: string },
): Promise<void> {
  for (const { sessionId, name, record } of await claims.list()) {
    const isSame = record.commonDirectory === call.commonDirectory && record.branch === call.branch;
    if (record.kind !== "worktree" && isSame && sessionId !== call.sessionId)
      throw branchTaken(call.branch, { name, path: record.path });
  }
}

/** The worktree that has the branch checked out. */
export async function findCheckout(
  tools: WorkspaceTools,
  call: { readonly commonDirectory: string; readonly branch: string; readonly signal?: AbortSignal | undefined },
): Promise<string | undefined> {
  const { stdout } = await tools.git.inspect(
    [`--git-dir=${call.commonDirectory}`, "worktree", "list", "--porcelain", "-z"],
    { signal: call.signal },
  );
  for (const block of stdout.split("\0\0")) {
    const lines = block.split("\0");
    const path = lines.find((line) => line.startsWith("worktree "))?.slice("worktree ".length);
    if (path !== undefined && !lines.includes("bare") && lines.includes(`branch refs/heads/${call.branch}`))
      return path;
  }
  return undefined;
}

async function resolveCommit(
  tools: WorkspaceTools,
  repositoryPath: string,
  { base, signal }: { readonly base: string; readonly signal: AbortSignal | undefined },
): Promise<string> {
  // In a clone of ours the branches of the other side are what is meant, and fresher.
  const candidates = repositoryPath.startsWith(join(tools.homeDirectory, "repositories"))
    ? [`refs/remotes/origin/${base}`, base]
    : [base];
  for (const candidate of candidates) {
    if (base === "" || base.startsWith("-") || base.includes("\0")) break;
    const args = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${candidate}^{commit}`];
    const result = await tools.git.act(args, { cwd: repositoryPath, signal, accepts: [0, 1, 128] });
    if (result.exitCode === 0) return result.stdout.trim();
  }
  throw new WorkspaceError({
    code: "workspace.base-not-found",
    message: `${JSON.stringify(base)} is not a commit of ${repositoryPath}`,
    why: "no branch, tag or commit of that name is there",
    fix: [
      `see what there is: git -C '${repositoryPath}' branch --all`,
      "fetch it first if it is new on the other side",
      "leave out --base to start from HEAD",
    ],
    context: { base },
  });
}

/** git-check-ref-format(1). */
export function isBranchName(name: string): boolean {
  if (
    name === "" ||
    name === "@" ||
    name === "HEAD" ||
    name.startsWith("-") ||
    /[\p{Cc} ~^:?*[\\]|\.\.|@\{|\/\/|\.$|^\/|\/$/u.test(name)
  )
    return false;
  return name.split("/").every((part) => !part.startsWith(".") && !part.endsWith(".lock"));
}
