import { join } from "node:path";

import { type GitTree, makeOwnGitDirectory } from "./own-git-directory.ts";
import { fileNameOf } from "./workspace-claims.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

/** The files of a commit beside the place of a worktree, put there while git still makes the worktree's entry in the repository. */
export interface DraftCheckout extends AsyncDisposable {
  /** Settles when all files are there, or none is being written any more. */
  readonly written: Promise<void>;
  /** Stops the writing; `written` rejects with the reason unless it is over. */
  cancel(reason: unknown): void;
  /**
   * Makes them the files of the worktree that is being added, when both are there. False when git wants this worktree otherwise (sparse, or with
   * settings of its own): then nothing is left of them.
   */
  adopt(adding: Promise<GitTree>): Promise<boolean>;
}

/** What a draft is made of. */
export interface DraftSource {
  readonly commonDirectory: string;
  /** The commit. */
  readonly base: string;
}

const prefix = ".making-";

/** Where the draft of a session lies, in the directory of worktrees. */
export function draftPath(worktrees: string, sessionId: string): string {
  return join(worktrees, `${prefix}${fileNameOf(sessionId)}`);
}

/** The session of a draft, from the name of what lies in the directory of worktrees. */
export function sessionOfDraft(name: string): string | undefined {
  return name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
}

/** Begins at once. `tools.git` says for which session it works. */
export function checkOutDraft(
  tools: WorkspaceTools,
  draft: string,
  { commonDirectory, base }: DraftSource,
): DraftCheckout {
  const { fileSystem, git } = tools;
  const tree = { workTree: draft, gitDirectory: commonDirectory, commonDirectory, head: base };
  const controller = new AbortController();
  const { signal } = controller;
  const preparing = makeOwnGitDirectory(tools, tree, { use: "draft" });
  const write = async (): Promise<void> => {
    const [own] = await Promise.all([preparing, makeEmpty(tools, draft)]);
    signal.throwIfAborted();
    await git.act(["read-tree", "--reset", "-u", base], { cwd: draft, environment: own.environment, signal });
  };
  const written = write();
  return {
    written,
    cancel: (reason) => controller.abort(reason),
    adopt: async (adding) => {
      const { workTree, gitDirectory } = await adding;
      const special = [join(gitDirectory, "info", "sparse-checkout"), join(gitDirectory, "config.worktree")];
      const lock = join(gitDirectory, "locked");
      // The directory that git made holds nothing but `.git`. While it is away, the entry is locked as git itself does it, so that nobody prunes it.
      const [own, , ...kinds] = await Promise.all([
        preparing,
        fileSystem.writeText(lock, "initializing"),
        ...special.map((path) => fileSystem.kindOf(path)),
      ]);
      if (kinds.some((kind) => kind !== "absent")) {
        await written;
        await Promise.all([fileSystem.remove(draft), fileSystem.remove(lock)]);
        return false;
      }
      await written;
      await Promise.all([
        fileSystem.copyEntry(Buffer.from(own.index), Buffer.from(join(gitDirectory, "index"))),
        fileSystem.rename(join(workTree, ".git"), join(draft, ".git")),
      ]);
      await fileSystem.rename(draft, workTree);
      await fileSystem.remove(lock);
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
