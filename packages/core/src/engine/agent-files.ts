import { chmod, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";

import type { AgentPlan } from "../contract/agent.ts";
import type { Isolation } from "../contract/backend-capabilities.ts";
import { FileError } from "../contract/errors/file-error.ts";
import type { Sandbox } from "../contract/sandbox.ts";

/** Where an agent's own files are written, and where the agent finds them. */
export interface AgentFilesPlace {
  readonly here: string;
  readonly inside: string;
  /** A sandbox's user may be any; the directory above keeps everybody else on this machine out. */
  readonly isForAnyUser: boolean;
}

const modes = { own: { directory: 0o700, file: 0o600 }, any: { directory: 0o755, file: 0o644 } };

/** The directory that an isolated session's sandbox is given, made when it is not there; it stays the same one. `undefined` where the agent has the session's own. */
export async function makeAgentFiles(sessionDirectory: string, isolation: Isolation): Promise<string | undefined> {
  if (isolation === "none") return undefined;
  const directory = path.join(sessionDirectory, "agent");
  await mkdir(sessionDirectory, { recursive: true, mode: modes.own.directory });
  await mkdir(directory, { recursive: true });
  // Whatever the mask of this process takes away.
  await chmod(directory, modes.any.directory);
  return directory;
}

/** A sandbox that tells where it has them has them there, every other one at the same path as this machine. */
export async function agentFilesPlace(
  sessionDirectory: string,
  { agentFilesPath }: Pick<Sandbox, "agentFilesPath">,
): Promise<AgentFilesPlace> {
  const isForAnyUser = agentFilesPath !== undefined;
  const here = isForAnyUser ? path.join(sessionDirectory, "agent") : sessionDirectory;
  await mkdir(here, { recursive: true, mode: modes.own.directory });
  return { here, inside: agentFilesPath ?? here, isForAnyUser };
}

/** Writes the files of a plan, each where it says that the agent finds it. Rejects with `path.refused` for one that is elsewhere. */
export async function writeAgentFiles(files: AgentPlan["files"], place: AgentFilesPlace): Promise<void> {
  const mode = place.isForAnyUser ? modes.any : modes.own;
  for (const { path: named, content } of files) {
    if (!named.startsWith(place.inside + path.sep) || path.normalize(named) !== named) {
      throw new FileError({
        code: "path.refused",
        message: `The agent's plan names a file outside the session's directory: ${named}`,
        fix: ["report this to the author of the agent's adapter"],
      });
    }
    const file = path.join(place.here, path.relative(place.inside, named));
    await mkdir(path.dirname(file), { recursive: true, mode: mode.directory });
    await writeFile(file, content, { mode: mode.file });
    if (place.isForAnyUser) await open(place.here, file);
  }
}

/** Whatever the mask of this process took away. */
async function open(root: string, file: string): Promise<void> {
  await chmod(file, modes.any.file);
  for (let directory = path.dirname(file); directory.startsWith(root); directory = path.dirname(directory))
    await chmod(directory, modes.any.directory);
}
