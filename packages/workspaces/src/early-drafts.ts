import { dirname, join } from "node:path";

import type { WorkspaceRecord } from "@clauderon/core/contract";

import { checkOutDraft, type DraftCheckout, draftPath, type DraftSource, sessionOfDraft } from "./draft-checkout.ts";
import { guessRepository } from "./guess-repository.ts";
import { endOrphanedGit, gitForSession } from "./orphaned-git.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

/** Files that are written before it is known whether they are wanted: writing them is most of what a creation takes. */
export interface EarlyDrafts {
  /** Begins with the commit that HEAD most likely names. What is wrong is met again by who wants the files. */
  begin(sessionId: string, directory: string): void;
  /** Hands over what was begun when it is what the record wants, else gives it up. */
  take(sessionId: string, record: WorkspaceRecord | undefined): Promise<DraftCheckout | undefined>;
  /** Gives up what was begun and not taken, also by a process that has ended. */
  release(sessionId: string): Promise<void>;
  /** Gives up what processes that have ended left. `isMaking` tells whose lies there rightly. */
  sweep(isMaking: (sessionId: string) => Promise<boolean>): Promise<void>;
}

interface Begun {
  readonly path: string;
  readonly source: DraftSource;
  readonly draft: DraftCheckout;
}

export function createEarlyDrafts(tools: WorkspaceTools): EarlyDrafts {
  const { fileSystem, homeDirectory } = tools;
  const worktrees = join(homeDirectory, "worktrees");
  const begun = new Map<string, Promise<Begun | undefined>>();
  const begin = async (sessionId: string, directory: string): Promise<Begun | undefined> => {
    // As git will name it: a path through a link would be another place.
    const guess = await guessRepository(fileSystem, await fileSystem.realPath(directory));
    if (guess?.workTree === undefined) return undefined;
    await fileSystem.makeDirectory(worktrees);
    // As `plan` will name it.
    const path = draftPath(await fileSystem.realPath(worktrees), sessionId);
    const source = { commonDirectory: guess.commonDirectory, base: guess.head };
    const draft = checkOutDraft({ ...tools, git: gitForSession(tools, sessionId) }, path, source);
    draft.written.catch(() => undefined);
    return { path, source, draft };
  };
  const release = async (sessionId: string): Promise<void> => {
    const early = await begun.get(sessionId);
    begun.delete(sessionId);
    if (early !== undefined) {
      early.draft.cancel(new Error("not wanted"));
      await early.draft.written.catch(() => undefined);
      await early.draft[Symbol.asyncDispose]();
    }
    await remove(sessionId);
  };
  const remove = async (sessionId: string): Promise<void> => {
    const path = draftPath(worktrees, sessionId);
    if ((await fileSystem.kindOf(path)) === "absent") return;
    await endOrphanedGit(tools, sessionId);
    await fileSystem.remove(path);
  };
  return {
    begin: (sessionId, directory) => {
      begun.set(
        sessionId,
        begin(sessionId, directory).catch(() => undefined),
      );
    },
    take: async (sessionId, record) => {
      const early = await begun.get(sessionId);
      const isWanted =
        early !== undefined &&
        early.source.base === record?.base &&
        early.source.commonDirectory === record.commonDirectory &&
        early.path === draftPath(dirname(record.path), sessionId);
      if (!isWanted) {
        await release(sessionId);
        return undefined;
      }
      begun.delete(sessionId);
      return early.draft;
    },
    release,
    sweep: async (isMaking) => {
      for (const name of await fileSystem.names(worktrees)) {
        const sessionId = sessionOfDraft(name);
        if (sessionId !== undefined && !begun.has(sessionId) && !(await isMaking(sessionId))) await remove(sessionId);
      }
    },
  };
}
