import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";

import { type OnCreationProgress, WorkspaceError } from "@clauderon/core/contract";

import { type GenerationCall, makeGeneration, orphanMark } from "./make-generation.ts";
import { type MirrorManifest, readManifest } from "./mirror-manifest.ts";
import { endOrphanedGit } from "./orphaned-git.ts";
import { createScratchDirectories, type ScratchDirectories } from "./scratch-directories.ts";
import { readView, type RefRules } from "./visible-refs.ts";
import { fileNameOf } from "./workspace-claims.ts";
import { codeOf } from "./workspace-file-system.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

export interface MirrorRequest {
  readonly sessionId: string;
  /** Git directory of the repository that its worktrees share. */
  readonly commonDirectory: string;
  /** Commits that the session was asked to start from; it sees their history even when no visible reference reaches them. */
  readonly commits?: readonly string[] | undefined;
}

/** What a session borrows. */
export interface BorrowedMirror {
  /**
   * A bare git directory with the references and the objects that the session may see, which stay as they are as long as it is borrowed. A sandbox
   * gets `objects` alone, read-only: who borrows lies beside it.
   */
  readonly directory: string;
}

export interface MirrorCallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Who waits for what another makes is told, too. */
  readonly onProgress?: OnCreationProgress | undefined;
}

/** Copies of repositories' visible history, in immutable generations that sandboxes borrow objects from. */
export interface Mirrors {
  /** Idempotent by session: what it has borrowed stays the same until it is released. On failure and abort nothing new is left. */
  borrow(request: MirrorRequest, options?: MirrorCallOptions): Promise<BorrowedMirror>;
  /** What the first has borrowed, the second has, too. Idempotent; nothing when the first has nothing. */
  share(fromSessionId: string, toSessionId: string): Promise<void>;
  /** Idempotent. Removes the generation when nobody needs it any more. */
  release(sessionId: string): Promise<void>;
  /** Takes back what is borrowed by sessions that are no more, and removes what nobody needs. */
  sweep(alive: () => Promise<ReadonlySet<string>>): Promise<void>;
}

const ATTEMPTS = 5;
const UNUSED_MS = 30 * 24 * 60 * 60 * 1000;

interface Generation {
  readonly path: string;
  readonly manifest: MirrorManifest | undefined;
}

/** A generation that is being made, and who wants to know how far it is. */
interface Making {
  readonly work: Promise<void>;
  readonly told: Set<OnCreationProgress>;
}

/** `rules` are asked at each `borrow`. */
export function createMirrors(tools: WorkspaceTools, rules: () => Promise<RefRules>): Mirrors {
  const { fileSystem, homeDirectory, logger } = tools;
  const repositories = join(homeDirectory, "repositories");
  const running = new Map<string, Making>();
  /** Generations that somebody is about to borrow. */
  const wanted: string[] = [];
  const turns = new Map<string, Promise<void>>();
  const scratches = new Map<string, ScratchDirectories>();

  /** What borrows and what removes wait for each other. */
  const inTurn = async <Value>(mirror: string, work: () => Promise<Value>): Promise<Value> => {
    const before = turns.get(mirror) ?? Promise.resolve();
    const result = before.then(work);
    turns.set(
      mirror,
      result.then(
        () => undefined,
        () => undefined,
      ),
    );
    return result;
  };

  const makingOf = (mirror: string): ScratchDirectories => {
    const known = scratches.get(mirror);
    if (known !== undefined) return known;
    const made = createScratchDirectories({
      fileSystem,
      logger,
      directory: join(mirror, "making"),
      onLeft: (name) => endOrphanedGit(tools, orphanMark(name)),
    });
    scratches.set(mirror, made);
    return made;
  };

  const generationsOf = async (mirror: string): Promise<readonly Generation[]> => {
    const parent = join(mirror, "generations");
    const paths = (await fileSystem.names(parent)).map((name) => join(parent, name));
    const found = await Promise.all(
      paths.map(async (path) => ({ path, manifest: await readManifest(fileSystem, path) })),
    );
    return found.toSorted(
      (left, right) =>
        (right.manifest?.madeAt ?? "").localeCompare(left.manifest?.madeAt ?? "") ||
        right.path.localeCompare(left.path),
    );
  };

  /** `undefined` when the generation was being removed. */
  const attempt = async (
    request: MirrorRequest,
    mirror: string,
    options: MirrorCallOptions,
  ): Promise<string | undefined> => {
    const { commonDirectory, commits = [] } = request;
    const view = await readView(tools, { commonDirectory, rules: await rules(), commits, signal: options.signal });
    const path = join(mirror, "generations", view.key);
    wanted.push(path);
    try {
      await makeOnce({ commonDirectory, view, path }, mirror, options);
      options.signal?.throwIfAborted();
      return (await inTurn(mirror, () => sign(path, request.sessionId))) ? path : undefined;
    } finally {
      wanted.splice(wanted.indexOf(path), 1);
    }
  };

  const makeOnce = async (
    { path, ...seen }: Pick<GenerationCall, "commonDirectory" | "view" | "path">,
    mirror: string,
    options: MirrorCallOptions,
  ): Promise<void> => {
    if ((await readManifest(fileSystem, path)) !== undefined) return;
    const { onProgress, signal } = options;
    const known = running.get(path);
    if (known !== undefined) {
      if (onProgress !== undefined) known.told.add(onProgress);
      try {
        // When it fails or its caller gives up, the next attempt of this one makes it.
        await untilAborted(
          known.work.catch(() => undefined),
          signal,
        );
      } finally {
        if (onProgress !== undefined) known.told.delete(onProgress);
      }
      return;
    }
    const told = new Set(onProgress === undefined ? [] : [onProgress]);
    const tell: OnCreationProgress = (progress) => {
      for (const listener of told) listener(progress);
    };
    const making = makingOf(mirror);
    const work = (async (): Promise<void> => {
      await making.sweep();
      const [before] = (await generationsOf(mirror)).flatMap((found) =>
        found.manifest === undefined ? [] : [{ path: found.path, manifest: found.manifest }],
      );
      const onWhole = (directory: string): Promise<void> => inTurn(mirror, () => takePlace(directory, path, making));
      await makeGeneration(tools, { ...seen, before, path, making, onWhole, onProgress: tell, signal });
    })();
    running.set(path, { work, told });
    try {
      await work;
    } finally {
      running.delete(path);
    }
  };

  /** Of a generation that was damaged; its borrowers get the new one. */
  const takePlace = async (directory: string, path: string, making: ScratchDirectories): Promise<void> => {
    const isDamaged =
      (await fileSystem.kindOf(path)) !== "absent" && (await readManifest(fileSystem, path)) === undefined;
    if (!isDamaged) return;
    const borrowers = join(path, "borrowers");
    for (const name of await fileSystem.names(borrowers))
      await fileSystem.shareFile(join(borrowers, name), join(directory, "borrowers", name));
    const { path: trash, discard } = making.reserve();
    try {
      await fileSystem.rename(path, trash);
    } finally {
      await discard();
    }
  };

  const removeUnborrowed = async (path: string, making: ScratchDirectories): Promise<void> => {
    if ((await fileSystem.names(join(path, "borrowers"))).length > 0) return;
    const { path: trash, discard } = making.reserve();
    await fileSystem.makeDirectory(dirname(trash));
    try {
      await fileSystem.rename(path, trash);
      // Another process borrowed it in this moment.
      if ((await fileSystem.names(join(trash, "borrowers"))).length > 0) await fileSystem.rename(trash, path);
    } catch (error) {
      // It saw that this one was gone and has made its own.
      if (codeOf(error) !== "ENOTEMPTY" && codeOf(error) !== "EEXIST") throw error;
    } finally {
      await discard();
    }
  };

  const tidy = async (mirror: string): Promise<void> => {
    const making = makingOf(mirror);
    const generations = await generationsOf(mirror);
    for (const [index, { path, manifest }] of generations.entries()) {
      // The newest is what the next one shares its packs with.
      const isBase =
        index === 0 &&
        manifest !== undefined &&
        (await fileSystem.kindOf(manifest.commonDirectory)) !== "absent" &&
        !(await isUnused(path));
      if (isBase) continue;
      await inTurn(mirror, async () => {
        if (!wanted.includes(path)) await removeUnborrowed(path, making);
      });
    }
    await fileSystem.removeIfEmpty(join(mirror, "generations"));
    await fileSystem.removeIfEmpty(join(mirror, "making"));
    await fileSystem.removeIfEmpty(mirror);
  };

  const isUnused = async (path: string): Promise<boolean> => {
    const changedAt = Number((await fileSystem.stampOf(join(path, "borrowers"))).split(" ")[1] ?? "0");
    return changedAt > 0 && Date.now() - changedAt > UNUSED_MS;
  };

  const everyMirror = async (): Promise<readonly string[]> => {
    const names = (await fileSystem.names(repositories)).filter(
      (name) => !name.startsWith(".") && name.endsWith(".git"),
    );
    const mirrors = names.map((name) => join(repositories, name));
    const kinds = await Promise.all(mirrors.map((mirror) => fileSystem.kindOf(join(mirror, "generations"))));
    return mirrors.filter((_, index) => kinds[index] === "directory");
  };

  const borrowerFile = (generation: string, sessionId: string): string =>
    join(generation, "borrowers", fileNameOf(sessionId));

  /** False when the generation is being removed. */
  const sign = async (generation: string, sessionId: string): Promise<boolean> => {
    const file = borrowerFile(generation, sessionId);
    await fileSystem.replaceDurably(file, sessionId);
    return (await readManifest(fileSystem, generation)) !== undefined && (await fileSystem.kindOf(file)) === "file";
  };

  return {
    borrow: async (request, options = {}) => {
      if ((await fileSystem.kindOf(request.commonDirectory)) !== "directory") throw gone(request.commonDirectory);
      await fileSystem.makeDirectory(repositories);
      const commonDirectory = await fileSystem.realPath(request.commonDirectory);
      const mirror = mirrorOf(await fileSystem.realPath(repositories), commonDirectory);
      for (const { path, manifest } of await generationsOf(mirror)) {
        if (manifest === undefined) continue;
        if ((await fileSystem.kindOf(borrowerFile(path, request.sessionId))) === "file") return { directory: path };
      }
      let failures = 0;
      for (let count = 1; count <= ATTEMPTS; count += 1) {
        options.signal?.throwIfAborted();
        try {
          const directory = await attempt({ ...request, commonDirectory }, mirror, options);
          if (directory === undefined) continue;
          await tidy(mirror).catch((error: unknown) => {
            logger.warn({ mirror, error: String(error) }, "what nobody needs stays until the next look");
          });
          return { directory };
        } catch (error) {
          if (isFailedPack(error)) failures += 1;
          else if (codeOf(error) !== "ENOENT") throw error;
          if (failures > 1 || count === ATTEMPTS || options.signal?.aborted === true) throw error;
        }
      }
      throw unsettled(commonDirectory);
    },
    share: async (fromSessionId, toSessionId) => {
      for (const mirror of await everyMirror()) {
        for (const { path } of await generationsOf(mirror)) {
          if ((await fileSystem.kindOf(borrowerFile(path, fromSessionId))) === "file")
            await inTurn(mirror, () => fileSystem.replaceDurably(borrowerFile(path, toSessionId), toSessionId));
        }
      }
    },
    release: async (sessionId) => {
      for (const mirror of await everyMirror()) {
        let isBorrower = false;
        for (const { path } of await generationsOf(mirror)) {
          const file = borrowerFile(path, sessionId);
          for (const name of [file, `${file}.new`]) {
            if ((await fileSystem.kindOf(name)) === "absent") continue;
            isBorrower = true;
            await fileSystem.remove(name);
          }
        }
        if (isBorrower) await tidy(mirror);
      }
    },
    sweep: async (alive) => {
      const mirrors = await everyMirror();
      const borrowers: { readonly file: string; readonly sessionId: string | undefined }[] = [];
      for (const mirror of mirrors) {
        await makingOf(mirror).sweep();
        for (const { path } of await generationsOf(mirror)) {
          for (const name of await fileSystem.names(join(path, "borrowers"))) {
            const file = join(path, "borrowers", name);
            borrowers.push({ file, sessionId: await fileSystem.readText(file) });
          }
        }
      }
      // Asked after: who has borrowed by now was a session before.
      const sessions = borrowers.length === 0 ? new Set<string>() : await alive();
      for (const { file, sessionId } of borrowers)
        if (sessionId === undefined || !sessions.has(sessionId)) await fileSystem.remove(file);
      for (const mirror of mirrors) await tidy(mirror);
    },
  };
}

/** Of a repository that was cloned by its address the clone's own directory. */
function mirrorOf(repositories: string, commonDirectory: string): string {
  if (dirname(commonDirectory) === repositories) return commonDirectory;
  const place = basename(commonDirectory) === ".git" ? dirname(commonDirectory) : commonDirectory;
  const name = basename(place)
    .replace(/\.git$/u, "")
    .replaceAll(/[^A-Za-z0-9._-]+/gu, "-")
    .replace(/^[.-]+/u, "")
    .slice(0, 40);
  const digest = createHash("sha256").update(`path ${commonDirectory}`).digest("hex").slice(0, 16);
  return join(repositories, `${name === "" ? "repository" : name}-${digest}.git`);
}

/** Stops waiting, while the work goes on for others. */
async function untilAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return work;
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    if (signal.aborted) onAbort();
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** The repository may have changed meanwhile, or have been collected: to be looked at once more. */
function isFailedPack(error: unknown): boolean {
  return WorkspaceError.isInstance(error) && error.context["command"] === "pack-objects";
}

function gone(commonDirectory: string): WorkspaceError {
  return new WorkspaceError({
    code: "repository.not-found",
    message: `There is no repository at ${commonDirectory}`,
    why: "it was moved or removed",
    fix: ["name the place where it is: --repo PATH"],
    context: { commonDirectory },
  });
}

function unsettled(commonDirectory: string): WorkspaceError {
  return new WorkspaceError({
    message: `The mirror of ${commonDirectory} could not be made`,
    why: "it was removed or the repository changed each time",
    fix: ["try again when no other program works on the repository or on the home"],
    context: { commonDirectory },
  });
}
