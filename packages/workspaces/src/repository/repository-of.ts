import type { WorkspaceTools } from "../workspace-tools.ts";
import { createGitProgram } from "./git-program.ts";
import type { RepositoryPort } from "./repository-port.ts";

export function repositoryOf(tools: WorkspaceTools): RepositoryPort {
  return createGitProgram(tools.git);
}
