import { dirname, join, resolve } from "node:path";

import type { LocatedRepository } from "./repository/repository-port.ts";
import type { WorkspaceFileSystem } from "./workspace-file-system.ts";

/**
 * Where git will most likely say the repository is, from the files of gitrepository-layout(5) and without a process; `undefined` when they do not say it
 * plainly. Good for beginning early what depends on it; git has the last word.
 */
export async function guessRepository(
  fileSystem: WorkspaceFileSystem,
  directory: string,
): Promise<LocatedRepository | undefined> {
  for (let place = directory; ; place = dirname(place)) {
    const gitDirectory = await gitDirectoryAt(fileSystem, place);
    if (gitDirectory !== undefined) return describe(fileSystem, { workTree: place, gitDirectory });
    if (place === dirname(place)) return undefined;
  }
}

async function gitDirectoryAt(fileSystem: WorkspaceFileSystem, place: string): Promise<string | undefined> {
  const path = join(place, ".git");
  const kind = await fileSystem.kindOf(path);
  if (kind === "directory") return path;
  if (kind !== "file") return undefined;
  const target = /^gitdir: (.+)\n$/u.exec((await fileSystem.readText(path)) ?? "")?.[1];
  return target === undefined ? undefined : resolve(place, target);
}

async function describe(
  fileSystem: WorkspaceFileSystem,
  { workTree, gitDirectory }: { readonly workTree: string; readonly gitDirectory: string },
): Promise<LocatedRepository | undefined> {
  const [common, headText = ""] = await Promise.all([
    fileSystem.readText(join(gitDirectory, "commondir")),
    fileSystem.readText(join(gitDirectory, "HEAD")),
  ]);
  const commonDirectory = common === undefined ? gitDirectory : resolve(gitDirectory, common.trimEnd());
  const branch = /^ref: (refs\/heads\/.+)\n$/u.exec(headText)?.[1];
  const head = branch === undefined ? headText.trimEnd() : await readRef(fileSystem, commonDirectory, branch);
  return isHash(head) ? { gitDirectory, commonDirectory, workTree, head } : undefined;
}

async function readRef(
  fileSystem: WorkspaceFileSystem,
  commonDirectory: string,
  name: string,
): Promise<string | undefined> {
  const loose = await fileSystem.readText(join(commonDirectory, name));
  if (loose !== undefined) return loose.trimEnd();
  const packed = await fileSystem.readText(join(commonDirectory, "packed-refs"));
  return packed
    ?.split("\n")
    .find((line) => line.endsWith(` ${name}`))
    ?.split(" ", 1)[0];
}

function isHash(text: string | undefined): text is string {
  return text !== undefined && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/u.test(text);
}
