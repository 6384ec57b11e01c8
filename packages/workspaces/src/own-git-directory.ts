import { join } from "node:path";

import { formatGitConfig, type GitConfigEntry, parseGitConfig } from "./git-config-file.ts";
import type { WorkspaceFileSystem } from "./workspace-file-system.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

/** A working tree with the git directories that belong to it. */
export interface GitTree {
  readonly workTree: string;
  /** Its own: index and HEAD. */
  readonly gitDirectory: string;
  /** The one shared with other worktrees: objects and refs. */
  readonly commonDirectory: string;
  /** Commit of HEAD. */
  readonly head: string;
}

export interface OwnGitDirectoryOptions {
  /**
   * `read`: objects cannot be written. `scratch`: a copy of the index and objects of its own, thrown away in the end. `user`: index and objects are
   * the tree's own, the user's remotes are known. `draft`: as `user`, with a new index in it.
   */
  readonly use: "read" | "scratch" | "user" | "draft";
  /** Settings of the user's that also apply. */
  readonly settings?: readonly GitConfigEntry[] | undefined;
}

/** A git directory that only we write: git reads no configuration from a repository when it works with this one. */
export interface OwnGitDirectory extends AsyncDisposable {
  /** Makes git use it; to be run in the working tree. */
  readonly environment: Readonly<Record<string, string>>;
  /** Path of the index that git uses with it. */
  readonly index: string;
}

const inspectKeys =
  /^(?:core\.(?:filemode|ignorecase|symlinks|precomposeunicode|autocrlf|eol|checkstat|trustctime|protecthfs|protectntfs|sparsecheckout|sparsecheckoutcone|excludesfile|attributesfile|bigfilethreshold)|extensions\.objectformat)$/u;
const userKeys =
  /^(?:remote\..+\.(?:url|fetch|promisor|partialclonefilter)|extensions\.partialclone|core\.(?:compression|loosecompression)|lfs\.url)$/u;

/** What would tie an index to the git directory and the working tree with which it was written; both are others than those it is read with. */
const placelessIndex = [
  { key: "core.splitindex", value: "false" },
  { key: "core.untrackedcache", value: "false" },
];

export async function makeOwnGitDirectory(
  { fileSystem, scratch: directories }: WorkspaceTools,
  tree: GitTree,
  options: OwnGitDirectoryOptions,
): Promise<OwnGitDirectory> {
  const { path: directory, discard } = directories.reserve();
  try {
    const isForUser = options.use === "user" || options.use === "draft";
    const [settings] = await Promise.all([
      repositorySettings(fileSystem, tree, isForUser),
      fileSystem.makeDirectory(join(directory, "refs")),
      fileSystem.makeDirectory(join(directory, "info")),
    ]);
    const isSha256 = tree.head.length === 64;
    const lfs = isForUser ? [{ key: "lfs.storage", value: join(tree.commonDirectory, "lfs") }] : [];
    await Promise.all([
      fileSystem.writeText(join(directory, "HEAD"), `${tree.head}\n`),
      fileSystem.writeText(
        join(directory, "config"),
        formatGitConfig([
          {
            key: "core.repositoryformatversion",
            value: isSha256 || settings.some(({ key }) => key.startsWith("extensions.")) ? "1" : "0",
          },
          { key: "core.bare", value: "false" },
          ...(options.settings ?? []),
          ...settings,
          ...lfs,
          ...(isForUser ? placelessIndex : []),
        ]),
      ),
      ...["exclude", "attributes"].map((name) =>
        copyText(fileSystem, join(tree.commonDirectory, "info", name), join(directory, "info", name)),
      ),
      ...(options.use === "draft" ? [] : [copyOwn(fileSystem, tree, directory)]),
      copyText(fileSystem, join(tree.commonDirectory, "shallow"), join(directory, "shallow")),
    ]);
    const objects = join(tree.commonDirectory, "objects");
    const hasOwnIndex = options.use === "scratch" || options.use === "draft";
    const index = join(hasOwnIndex ? directory : tree.gitDirectory, "index");
    const ownObjects = join(directory, "objects");
    if (options.use === "scratch") {
      await fileSystem.makeDirectory(ownObjects);
      await copyIndex(fileSystem, join(tree.gitDirectory, "index"), index);
    }
    return {
      environment: {
        GIT_DIR: directory,
        GIT_WORK_TREE: tree.workTree,
        GIT_INDEX_FILE: index,
        ...(options.use === "scratch"
          ? { GIT_OBJECT_DIRECTORY: ownObjects, GIT_ALTERNATE_OBJECT_DIRECTORIES: quotePath(objects) }
          : { GIT_OBJECT_DIRECTORY: objects }),
      },
      index,
      [Symbol.asyncDispose]: discard,
    };
  } catch (error) {
    await discard();
    throw error;
  }
}

async function repositorySettings(
  fileSystem: WorkspaceFileSystem,
  tree: GitTree,
  isForUser: boolean,
): Promise<readonly GitConfigEntry[]> {
  const shared = parseGitConfig((await fileSystem.readText(join(tree.commonDirectory, "config"))) ?? "");
  const hasOwn = shared.some(({ key, value }) => key === "extensions.worktreeconfig" && value.toLowerCase() === "true");
  const own = hasOwn
    ? parseGitConfig((await fileSystem.readText(join(tree.gitDirectory, "config.worktree"))) ?? "")
    : [];
  return [...shared, ...own].filter(({ key }) => inspectKeys.test(key) || (isForUser && userKeys.test(key)));
}

/** What belongs to the one working tree. */
async function copyOwn(fileSystem: WorkspaceFileSystem, tree: GitTree, directory: string): Promise<void> {
  const patterns = join("info", "sparse-checkout");
  await Promise.all([
    copyText(fileSystem, join(tree.gitDirectory, patterns), join(directory, patterns)),
    linkSharedIndexes(fileSystem, tree.gitDirectory, directory),
  ]);
}

async function copyText(fileSystem: WorkspaceFileSystem, from: string, to: string): Promise<void> {
  const text = await fileSystem.readText(from);
  if (text !== undefined) await fileSystem.writeText(to, text);
}

async function copyIndex(fileSystem: WorkspaceFileSystem, from: string, to: string): Promise<void> {
  if ((await fileSystem.kindOf(from)) === "file") await fileSystem.copyEntry(Buffer.from(from), Buffer.from(to));
}

/** A split index names its other half by a file beside it. */
async function linkSharedIndexes(fileSystem: WorkspaceFileSystem, from: string, to: string): Promise<void> {
  const names = (await fileSystem.names(from)).filter((name) => name.startsWith("sharedindex."));
  await Promise.all(names.map((name) => fileSystem.link(join(from, name), join(to, name))));
}

/** As git reads a path in a list separated by colons. */
export function quotePath(path: string): string {
  if (!/[":\n\\]/u.test(path)) return path;
  return `"${path
    .replaceAll("\\", "\\\\")
    .replaceAll('"', String.raw`\"`)
    .replaceAll("\n", String.raw`\n`)}"`;
}
