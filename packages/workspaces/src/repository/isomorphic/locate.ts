import { stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { WorkspaceError } from "@clauderon/core/contract";

import { parseGitConfig } from "../../git-config-file.ts";
import type { WorkspaceFileSystem } from "../../workspace-file-system.ts";
import { empty, foreignRepository, outsideRepository } from "../repository-errors.ts";
import type { LocatedRepository } from "../repository-port.ts";
import { createConfinedFiles } from "./confined-files.ts";
import { type NetworkSource, readUserSettings } from "./network-settings.ts";
import { readHead } from "./read-refs.ts";
import { requireSupported } from "./require-supported.ts";

interface Found {
  readonly gitDirectory: string;
  readonly commonDirectory: string;
  readonly workTree: string | undefined;
}

/** Which repository a directory lies in, from the files of gitrepository-layout(5). */
export async function locate(
  source: NetworkSource,
  { path, directory }: { readonly path: string; readonly directory: string },
): Promise<LocatedRepository> {
  const found = await find(source.fileSystem, directory);
  if (found === undefined) throw outsideRepository(path);
  await requireOwner(source, path, found);
  await requireSupported(source.fileSystem, found.commonDirectory);
  const { gitDirectory, commonDirectory } = found;
  const files = createConfinedFiles({ roots: [gitDirectory, commonDirectory] });
  const head = await readHead(files, gitDirectory, commonDirectory);
  if (head === undefined) throw empty(path);
  return { ...found, head };
}

async function find(fileSystem: WorkspaceFileSystem, directory: string): Promise<Found | undefined> {
  for (let place = directory; ; place = dirname(place)) {
    const inside = join(place, ".git");
    const kind = await fileSystem.kindOf(inside);
    if (kind === "link") throw ledElsewhere(inside);
    if (kind === "directory" && (await isGitDirectory(fileSystem, inside)))
      return { gitDirectory: inside, commonDirectory: inside, workTree: place };
    if (kind === "file") return ofGitFile(fileSystem, place);
    if (await isGitDirectory(fileSystem, place)) return ofGitDirectory(fileSystem, place);
    if (place === dirname(place)) return undefined;
  }
}

async function isGitDirectory(fileSystem: WorkspaceFileSystem, place: string): Promise<boolean> {
  const parts = await Promise.all(["HEAD", "objects", "refs"].map((name) => fileSystem.kindOf(join(place, name))));
  return parts.every((kind, index) => kind === (index === 0 ? "file" : "directory"));
}

/** Of a working tree whose directory was entered, and of a bare repository. */
async function ofGitDirectory(fileSystem: WorkspaceFileSystem, gitDirectory: string): Promise<Found> {
  const config = parseGitConfig((await fileSystem.readText(join(gitDirectory, "config"))) ?? "");
  const isBare = config.findLast(({ key }) => key === "core.bare")?.value.toLowerCase();
  const hasTree = gitDirectory.endsWith("/.git") && !/^(?:true|yes|on|1)$/u.test(isBare ?? "");
  return { gitDirectory, commonDirectory: gitDirectory, workTree: hasTree ? dirname(gitDirectory) : undefined };
}

/** A linked worktree, or a submodule. What it leads to has to say the same: a file alone could lead to any repository of the user's. */
async function ofGitFile(fileSystem: WorkspaceFileSystem, workTree: string): Promise<Found> {
  const file = join(workTree, ".git");
  const target = /^gitdir: (.+)\n?$/u.exec((await fileSystem.readText(file)) ?? "")?.[1];
  if (target === undefined) throw ledElsewhere(file);
  const gitDirectory = resolve(workTree, target);
  if (
    (await fileSystem.kindOf(gitDirectory)) !== "directory" ||
    (await fileSystem.realPath(gitDirectory)) !== gitDirectory
  )
    throw ledElsewhere(file);
  const common = (await fileSystem.readText(join(gitDirectory, "commondir")))?.trimEnd();
  if (common === undefined) {
    const config = parseGitConfig((await fileSystem.readText(join(gitDirectory, "config"))) ?? "");
    const tree = config.findLast(({ key }) => key === "core.worktree")?.value;
    if (tree === undefined || resolve(gitDirectory, tree) !== workTree) throw ledElsewhere(file);
    return { gitDirectory, commonDirectory: gitDirectory, workTree };
  }
  const commonDirectory = resolve(gitDirectory, common);
  const back = (await fileSystem.readText(join(gitDirectory, "gitdir")))?.trimEnd();
  const isEntry = dirname(gitDirectory) === join(commonDirectory, "worktrees");
  if (!isEntry || back === undefined || resolve(gitDirectory, back) !== file) throw ledElsewhere(file);
  if (!(await isGitDirectory(fileSystem, commonDirectory))) throw ledElsewhere(file);
  return { gitDirectory, commonDirectory, workTree };
}

/** As git's `safe.directory`. */
async function requireOwner(source: NetworkSource, path: string, found: Found): Promise<void> {
  const user = process.getuid?.();
  const places = [found.gitDirectory, found.commonDirectory, ...(found.workTree === undefined ? [] : [found.workTree])];
  const owners = await Promise.all(places.map(async (place) => (await stat(place)).uid));
  if (user === undefined || owners.every((owner) => owner === user)) return;
  const trusted = (await readUserSettings(source)).filter(({ key }) => key === "safe.directory");
  const place = found.workTree ?? found.gitDirectory;
  if (!trusted.some(({ value }) => value === "*" || value === place)) throw foreignRepository(path);
}

function ledElsewhere(file: string): WorkspaceError {
  return new WorkspaceError({
    code: "repository.not-found",
    message: `The repository cannot be told from ${file}`,
    why: "it leads to a place that does not lead back, which is not followed without git",
    fix: ["name the repository's own git directory: --repo PATH", "or install git, for example: sudo apt install git"],
    context: { file },
  });
}
