import { join } from "node:path";

import { parseGitConfig } from "../../git-config-file.ts";
import type { WorkspaceFileSystem } from "../../workspace-file-system.ts";
import { notWithoutGit } from "../git-needed.ts";

/** A partial clone is told by the first object that is missing: it may have been completed. */
const known = /^(?:noop|partialclone|preciousobjects|worktreeconfig|relativeworktrees)$/u;

/** What isomorphic-git would read wrongly, or not at all, is refused: it looks at none of these settings itself. */
export async function requireSupported(fileSystem: WorkspaceFileSystem, commonDirectory: string): Promise<void> {
  const refuse = (why: string): never => {
    throw notWithoutGit(`The repository ${commonDirectory} cannot be read without git`, why);
  };
  const config = parseGitConfig((await fileSystem.readText(join(commonDirectory, "config"))) ?? "");
  for (const { key, value } of config) {
    const name = /^extensions\.(.+)$/u.exec(key)?.[1];
    if (key === "core.repositoryformatversion" && !/^[01]$/u.test(value)) refuse(`its format is version ${value}`);
    if (name === undefined || known.test(name)) continue;
    if (name === "objectformat" && value.toLowerCase() === "sha1") continue;
    if (name === "refstorage" && value.toLowerCase() === "files") continue;
    if (name === "objectformat") refuse("its objects have SHA-256 names");
    else refuse(`it has the extension ${name} = ${value}`);
  }
  if ((await fileSystem.kindOf(join(commonDirectory, "objects", "info", "alternates"))) !== "absent")
    refuse("it borrows objects from another repository (objects/info/alternates), which is not followed");
}
