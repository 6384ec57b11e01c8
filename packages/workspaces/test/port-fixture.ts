import { join } from "node:path";

import { silentLogger } from "@clauderon/core/contract";

import { createGit } from "../src/git.ts";
import { createGitProgram } from "../src/repository/git-program.ts";
import { createIsomorphicGit } from "../src/repository/isomorphic/isomorphic-git-port.ts";
import { performWork } from "../src/repository/isomorphic/perform-work.ts";
import type { RunWork } from "../src/repository/isomorphic/run-work.ts";
import type { RepositoryPort } from "../src/repository/repository-port.ts";
import { createScratchDirectories } from "../src/scratch-directories.ts";
import { nodeFileSystem } from "../src/workspace-file-system.ts";
import type { WorkspaceTools } from "../src/workspace-tools.ts";
import { type Fixture, INSTANCE, withoutGit, helpedRunner } from "./git-fixture.ts";

export const implementations = ["git", "isomorphic-git"] as const;
export type Implementation = (typeof implementations)[number];

export function toolsOf(world: Fixture, environment: Readonly<Record<string, string>>): WorkspaceTools {
  return {
    git: createGit(helpedRunner, environment),
    environment,
    fileSystem: nodeFileSystem,
    logger: silentLogger,
    scratch: createScratchDirectories({
      fileSystem: nodeFileSystem,
      logger: silentLogger,
      directory: join(world.home, "state", "workspaces", "scratch"),
    }),
    homeDirectory: world.home,
    instanceId: INSTANCE,
  };
}

/** A thread for each piece of work would take most of the time of a test. */
const inThisThread: RunWork = async (work) => (await performWork(work)) as never;

/** With isomorphic-git there is no git that could be used by mistake. */
export function portOf(
  implementation: Implementation,
  world: Fixture,
  environment: Readonly<Record<string, string>> = {},
): RepositoryPort {
  if (implementation === "git") return createGitProgram(toolsOf(world, { ...world.environment, ...environment }).git);
  return createIsomorphicGit(toolsOf(world, { ...withoutGit(world), ...environment }), inThisThread);
}
