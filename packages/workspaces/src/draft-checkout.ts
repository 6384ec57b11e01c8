import { createHash } from "node:crypto";
import { dirname, join } from "node:path";

import type { WorkspaceRecord } from "@clauderon/core/contract";

import { type GitTree, makeOwnGitDirectory } from "./own-git-directory.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

/** The files of a commit beside the place of a worktree, put there while git still makes the worktree's entry in the repository. */
export interface DraftCheckout extends AsyncDisposable {
  /** Settles when all files are there, or none is being written any more. */
  readonly written: Promise<void>;
  /** Stops the writing; `written` rejects with the reason unless it is over. */
  cancel(reason: unknown): void;
  /** Makes them the worktree's. False when git wants this worktree otherwise (sparse, or with settings of its own): then nothing is left of them. */
  adopt(tree: GitTree): Promise<boolean>;
}

interface DraftCall {
  readonly record: WorkspaceRecord;
  readonly sessionId: string;
  readonly signal: AbortSignal | undefined;
}

/** Where the draft of a session lies. */
export function draftPath(record: WorkspaceRecord, sessionId: string): string {
  const id = createHash("sha256").update(sessionId).digest("hex").slice(0, 16);
  return join(dirname(record.path), `.making-${id}`);
}

export function checkOutDraft(tools: WorkspaceTools, { record, sessionId, signal }: DraftCall): DraftCheckout {
  const { fileSystem, git } = tools;
  const { commonDirectory, base } = record;
  const draft = draftPath(record, sessionId);
  const tree = { workTree: draft, gitDirectory: commonDirectory, commonDirectory, head: base };
  const controller = new AbortController();
  const either = signal === undefined ? controller.signal : AbortSignal.any([controller.signal, signal]);
  const preparing = makeOwnGitDirectory(tools, tree, { use: "draft" });
  const write = async (): Promise<void> => {
    const [own] = await Promise.all([preparing, makeEmpty(tools, draft)]);
    await git.act(["read-tree", "--reset", "-u", base], { cwd: draft, environment: own.environment, signal: either });
  };
  return {
    written: write(),
    cancel: (reason) => controller.abort(reason),
    adopt: async ({ workTree, gitDirectory }) => {
      const own = await preparing;
      const special = [join(gitDirectory, "info", "sparse-checkout"), join(gitDirectory, "config.worktree")];
      const kinds = await Promise.all(special.map((path) => fileSystem.kindOf(path)));
      const isPlain = kinds.every((kind) => kind === "absent");
      if (!isPlain) {
        await fileSystem.remove(draft);
        return false;
      }
      await fileSystem.copyEntry(Buffer.from(own.index), Buffer.from(join(gitDirectory, "index")));
      await putInPlace(tools, { draft, workTree, gitDirectory });
      return true;
    },
    [Symbol.asyncDispose]: async () => {
      const [made] = await Promise.allSettled([preparing]);
      if (made.status === "fulfilled") await made.value[Symbol.asyncDispose]();
    },
  };
}

async function makeEmpty({ fileSystem }: WorkspaceTools, directory: string): Promise<void> {
  await fileSystem.remove(directory);
  await fileSystem.makeDirectory(directory);
}

/** The directory that git made holds nothing but `.git`. While it is away, the entry is locked as git itself does it, so that nobody prunes it. */
async function putInPlace(
  { fileSystem }: WorkspaceTools,
  place: { readonly draft: string; readonly workTree: string; readonly gitDirectory: string },
): Promise<void> {
  const lock = join(place.gitDirectory, "locked");
  await fileSystem.writeText(lock, "initializing");
  await fileSystem.rename(join(place.workTree, ".git"), join(place.draft, ".git"));
  await fileSystem.rename(place.draft, place.workTree);
  await fileSystem.remove(lock);
}
