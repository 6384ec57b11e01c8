import { join } from "node:path";

import { WorkspaceError, type WorkspaceRecord } from "@clauderon/core/contract";

import { whyOf } from "../why-of.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { gitFileText, privatePlaces } from "./private-places.ts";
import { printable } from "./serve-sandbox-git.ts";

/**
 * Makes `.git` in the working tree say where the daemon's git directory is, whatever was put there; says so. A file that only names another git directory is
 * replaced; anything else may hold work, and is moved aside. Rejects with `workspace.sync-failed` where it cannot be, and leaves it.
 */
export async function writeGitFile(tools: WorkspaceTools, record: WorkspaceRecord): Promise<readonly string[]> {
  const { fileSystem } = tools;
  const file = join(record.path, ".git");
  const text = gitFileText(privatePlaces(record).outside);
  const kind = await fileSystem.kindOf(file);
  const found = kind === "file" ? await fileSystem.readText(file) : undefined;
  if (found === text) return [];
  const isPointer = kind === "absent" || (found !== undefined && /^gitdir: .+\n?$/u.test(found));
  const place = isPointer ? undefined : await putAside(tools, record, file);
  if (place === undefined) await fileSystem.remove(file);
  await fileSystem.claim(file, text);
  const named = found === undefined ? "" : `; it named ${printable(found.slice("gitdir: ".length))}`;
  const aside = place === undefined ? named : `; what was there is whole in ${place}: move it to where you want it`;
  return [`${file} was changed from inside or by hand, and says again where this machine's git directory is${aside}`];
}

/** What was put aside so far. */
export async function listPutAside(
  { fileSystem }: Pick<WorkspaceTools, "fileSystem">,
  record: WorkspaceRecord,
): Promise<readonly string[]> {
  if (record.kind === "worktree") return [];
  const directory = privatePlaces(record).putAside;
  return (await fileSystem.names(directory)).map((name) => join(directory, name));
}

async function putAside(tools: WorkspaceTools, record: WorkspaceRecord, file: string): Promise<string> {
  const { fileSystem } = tools;
  const directory = privatePlaces(record).putAside;
  try {
    await fileSystem.makeDirectory(directory);
    const names = new Set(await fileSystem.names(directory));
    let number = 1;
    while (names.has(String(number))) number += 1;
    const place = join(directory, String(number));
    await fileSystem.rename(file, place);
    return place;
  } catch (error) {
    throw new WorkspaceError({
      code: "workspace.sync-failed",
      message: `${file} is in the way of the session's own`,
      why: `${file} may hold work, and cannot be moved aside: ${whyOf(error)}`,
      fix: [`move it to where you want it: mv '${file}' SOMEWHERE`, "and try again; nothing was changed"],
      context: { path: file },
      cause: error,
    });
  }
}
