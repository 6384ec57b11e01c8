import { mkdir, readdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

import { WorkspaceError } from "@clauderon/core/contract";
import git, { type AuthCallback } from "isomorphic-git";

import { formatGitConfig } from "../../git-config-file.ts";
import type { RemoteHead } from "../repository-port.ts";
import { createConfinedFiles } from "./confined-files.ts";
import { createHttpClient } from "./http-client.ts";
import { withLentObjects } from "./lent-objects.ts";
import type { NetworkSettings } from "./network-settings.ts";
import { createObjectStore, type ObjectStore } from "./object-store.ts";
import { isRefName, readHead, readRefs } from "./read-refs.ts";
import { shallowOf } from "./shallow.ts";
import { commitOf, walkObjects } from "./walk-objects.ts";
import type { Fetched, FetchPlaces } from "./work.ts";

const BRANCHES = "refs/heads/";
const HEAD = "refs/clauderon/head";
const FETCHED = ["refs/remotes/origin", "refs/tags", "refs/clauderon"];

export async function remoteHead(network: NetworkSettings): Promise<RemoteHead | undefined> {
  const { url } = network;
  const login = loginOf(network);
  // The first version of the protocol is what every server speaks.
  const info = await git.getRemoteInfo2({ http: createHttpClient(network), url, protocolVersion: 1, ...login });
  const head = info.protocolVersion === 1 ? info.refs?.find(({ ref }) => ref === "HEAD") : undefined;
  if (head === undefined) return undefined;
  const branch = head.target?.startsWith(BRANCHES) === true ? head.target.slice(BRANCHES.length) : undefined;
  return { head: head.oid, branch };
}

/**
 * Brings what is missing into `scratch`. isomorphic-git writes references before it has their objects: they go there, too, and count when every
 * object that they reach was read.
 */
export async function fetchPack(
  network: NetworkSettings,
  { path, scratch }: FetchPlaces,
): Promise<Fetched | undefined> {
  await prepare(scratch, await offered(path));
  const fs = withLentObjects(createConfinedFiles({ roots: [scratch, path], writable: scratch }), scratch, path);
  const call = { fs, http: createHttpClient(network), gitdir: scratch, url: network.url, remote: "origin" };
  const answer = await git.fetch({ ...call, ref: "HEAD", remoteRef: "HEAD", tags: true, ...loginOf(network) });
  if (answer.fetchHead === null) return undefined;
  const index = (await readdir(join(scratch, "objects", "pack"))).find((name) => name.endsWith(".idx"));
  const pack = index === undefined ? undefined : basename(index, ".idx");
  const found = await readRefs(fs, scratch, FETCHED);
  const refs = found.flatMap(({ name, object }) =>
    object === undefined || name === "refs/remotes/origin/HEAD" ? [] : [{ name, object }],
  );
  const refused = refs.find(({ name }) => !isRefName(name));
  if (refused !== undefined) throw lying(`it names a reference ${JSON.stringify(refused.name)}`);
  const head = refs.find(({ name }) => name === HEAD)?.object;
  if (head === undefined) return undefined;
  const store = createObjectStore([scratch, path]);
  await verify(store, { path, refs });
  const commit = await commitOf(store, head);
  if (commit === undefined) throw lying("its HEAD names no commit");
  return { refs, head: commit, pack };
}

/** What the other side is told that is there. */
async function offered(path: string): Promise<readonly { readonly name: string; readonly object: string }[]> {
  const fs = createConfinedFiles({ roots: [path] });
  const refs = await readRefs(fs, path, FETCHED);
  return refs.flatMap(({ name, object }) => (object === undefined ? [] : [{ name, object }]));
}

async function prepare(scratch: string, have: Awaited<ReturnType<typeof offered>>): Promise<void> {
  await mkdir(join(scratch, "objects", "pack"), { recursive: true });
  await mkdir(join(scratch, "refs"));
  // Tags are an option of the call: by a rule it would also write what an annotated one names, under a name that is none.
  const fetch = ["+refs/heads/*:refs/remotes/origin/*", `+HEAD:${HEAD}`];
  const config = formatGitConfig([
    { key: "core.repositoryformatversion", value: "0" },
    { key: "core.bare", value: "true" },
    ...fetch.map((value) => ({ key: "remote.origin.fetch", value })),
  ]);
  await writeFile(join(scratch, "config"), config);
  await writeFile(join(scratch, "HEAD"), "ref: refs/heads/clauderon-none\n");
  const lines = have.map(({ object }, index) => `${object} refs/have/${String(index)}\n`).join("");
  await writeFile(join(scratch, "packed-refs"), lines);
}

async function verify(
  store: ObjectStore,
  { path, refs }: Pick<FetchPlaces, "path"> & Pick<Fetched, "refs">,
): Promise<void> {
  const known = createConfinedFiles({ roots: [path] });
  const old = new Set((await offered(path)).map(({ object }) => object));
  const head = await readHead(known, path, path);
  if (head !== undefined) old.add(head);
  const options = {
    tips: refs.map(({ object }) => object),
    shallow: await shallowOf(known, path),
    isKnown: (object: string): boolean => old.has(object),
    onObject: (): Promise<void> => Promise.resolve(),
  };
  try {
    await walkObjects(store, options);
  } catch (error) {
    throw lying(error instanceof WorkspaceError ? (error.why ?? error.message) : String(error));
  }
}

function loginOf({ login, url }: NetworkSettings): { readonly onAuth?: AuthCallback } {
  if (login === undefined) return {};
  const { origin } = new URL(url);
  return { onAuth: (asked) => (new URL(asked).origin === origin ? { ...login } : { cancel: true }) };
}

function lying(why: string): Error {
  return new Error(`what the server sent is not whole: ${why}`);
}
