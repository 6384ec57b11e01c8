import { join } from "node:path";

import { WorkspaceError, type WorkspaceMount, type WorkspaceRecord } from "@clauderon/core/contract";

import { workspaceMissing } from "../workspace-errors.ts";
import type { WorkspaceFileSystem } from "../workspace-file-system.ts";

/** Where the parts of a private workspace lie on this machine. */
export interface PrivatePlaces {
  /** Holds all of them. */
  readonly directory: string;
  /** The git directory that the working tree's `.git` names here; nothing but the user and the daemon writes it. */
  readonly outside: string;
  /** The sandbox's git directory. As soon as a sandbox may have it, nothing on this machine opens it. */
  readonly inside: string;
  /** What a backend lays over `.git`. */
  readonly gitFile: string;
  /** Its text is the path of the generation that both borrow from. */
  readonly borrowed: string;
  /** What somebody has put into the place of `.git`, numbered; the user's, and never removed without being counted. */
  readonly putAside: string;
}

export function privatePlaces(record: WorkspaceRecord): PrivatePlaces {
  const { privateDirectory: directory } = record;
  if (record.kind === "worktree" || directory === undefined)
    throw new WorkspaceError({
      message: `${record.path} is a linked worktree: it has no git directory of its own`,
      fix: ["report this to the authors of clauderon"],
      context: { path: record.path },
    });
  return {
    directory,
    outside: join(directory, "outside"),
    inside: join(directory, "inside"),
    gitFile: join(directory, "git-file"),
    borrowed: join(directory, "borrowed"),
    putAside: join(directory, "put-aside"),
  };
}

/** What a sandbox gets of the workspace. */
export async function mountOf(fileSystem: WorkspaceFileSystem, record: WorkspaceRecord): Promise<WorkspaceMount> {
  if (record.kind === "worktree") return { hostPath: record.path };
  if (record.kind === "remote") return {};
  const { gitFile, inside, borrowed } = privatePlaces(record);
  const generation = await fileSystem.readText(borrowed);
  if (generation === undefined) throw workspaceMissing(record);
  const gitDirectory = { hostPath: gitFile, directory: inside, borrows: [join(generation, "objects")] };
  return { hostPath: record.path, gitFile: gitDirectory };
}

/** Where git inside the sandbox finds its git directory: the argument for what serves it, and the environment for all else. */
export function gitInside(record: WorkspaceRecord): {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
} {
  if (record.kind !== "remote") return { directory: privatePlaces(record).inside, environment: {} };
  // Relative to the workspace, where everything is run: without it git would look for one further up.
  return { directory: ".git", environment: { GIT_DIR: ".git", GIT_WORK_TREE: "." } };
}

/** The text of a `.git` file. */
export function gitFileText(gitDirectory: string): string {
  return `gitdir: ${gitDirectory}\n`;
}
