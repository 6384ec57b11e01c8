import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { ClauderonError, WorkspaceError } from "@clauderon/core/contract";

import { redactUrl } from "../../repository-url.ts";
import type { ListedRef, PackRequest, UnreachedRequest } from "../repository-port.ts";
import { createConfinedFiles } from "./confined-files.ts";
import { createObjectStore } from "./object-store.ts";
import { readRefs } from "./read-refs.ts";
import { shallowOf } from "./shallow.ts";
import { commitsOf, walkObjects } from "./walk-objects.ts";
import type { Results, Work } from "./work.ts";
import { createPackWriter, namesInIndex } from "./write-pack.ts";

async function listRefs(gitDirectory: string): Promise<readonly ListedRef[]> {
  const files = createConfinedFiles({ roots: [gitDirectory] });
  const store = createObjectStore([gitDirectory]);
  const listed: ListedRef[] = [];
  for (const { name, object, target } of await readRefs(files, gitDirectory, [
    "refs/heads",
    "refs/remotes",
    "refs/tags",
  ])) {
    // As git: one that names nothing is not shown.
    if (object !== undefined) listed.push({ name, object, target, type: (await store.read(object)).type });
  }
  return listed;
}

async function unreached({ gitDirectory, lender, commits, tips }: UnreachedRequest): Promise<ReadonlySet<string>> {
  const files = createConfinedFiles({ roots: [gitDirectory] });
  const store = createObjectStore([gitDirectory, ...(lender === undefined ? [] : [lender])]);
  const reached = await commitsOf(store, { tips, shallow: await shallowOf(files, gitDirectory) });
  for (const commit of commits) await store.read(commit);
  return new Set(commits.filter((commit) => !reached.has(commit)));
}

async function pack({ from, into, tips }: PackRequest): Promise<string | undefined> {
  const packs = join(into, "objects", "pack");
  const known = new Set<string>();
  for (const name of (await readdir(packs)).filter((entry) => entry.endsWith(".idx")))
    for (const object of namesInIndex(await readFile(join(packs, name)))) known.add(object);
  await using writer = await createPackWriter(packs);
  await walkObjects(createObjectStore([from]), {
    tips,
    shallow: await shallowOf(createConfinedFiles({ roots: [from] }), from),
    isKnown: (object) => known.has(object),
    onObject: (object, read) => writer.add(object, read),
  });
  // Awaited here: the file is closed when this returns.
  return await writer.finish();
}

async function perform(work: Work): Promise<Results[keyof Results]> {
  if (work.kind === "listRefs") return listRefs(work.gitDirectory);
  if (work.kind === "unreached") return unreached(work);
  if (work.kind === "pack") return pack(work);
  const { fetchPack, remoteHead } = await import("./fetch-pack.ts");
  return work.kind === "fetch" ? fetchPack(work.network, work) : remoteHead(work.network);
}

/** isomorphic-git's own errors say what they are about in words. */
function asError(error: unknown): ClauderonError {
  if (ClauderonError.isInstance(error)) return error;
  const stderr = redactUrl(error instanceof Error ? error.message : String(error));
  return new WorkspaceError({
    message: "The repository cannot be read",
    why: stderr,
    fix: ["mend what is said, or install git"],
    context: { stderr },
  });
}

/** In this thread; what a hostile repository holds may make it go on for ever. */
export async function performWork(work: Work): Promise<Results[keyof Results]> {
  try {
    return await perform(work);
  } catch (error) {
    throw asError(error);
  }
}
