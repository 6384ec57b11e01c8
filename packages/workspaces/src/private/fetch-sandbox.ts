import { randomBytes } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";

import type { Sandbox, WorkspaceRecord } from "@clauderon/core/contract";

import { formatGitConfig } from "../git-config-file.ts";
import { complaintOf } from "../git.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { gitInside, privatePlaces } from "./private-places.ts";
import { quietFetch } from "./quiet-fetch.ts";
import { overLimit, printable, serveSandboxGit, syncFailed } from "./serve-sandbox-git.ts";

/** What may come out of a sandbox at once. */
export interface SyncLimits {
  readonly maxBytes: number;
  readonly maxObjects: number;
  readonly maxRefs: number;
  readonly timeoutMs: number;
  /** So long may git inside say nothing when something is due; default a minute. */
  readonly stallMs?: number | undefined;
}

export const syncLimits: SyncLimits = {
  maxBytes: 4 * 1024 * 1024 * 1024,
  maxObjects: 5_000_000,
  maxRefs: 20_000,
  timeoutMs: 10 * 60 * 1000,
};

const STALL_MS = 60 * 1000;

/** A name, its object, and what it is peeled to. */
const BYTES_PER_NAME = 512;

/** What git says before it names any, and of what it has in common with the other side. */
const BYTES_BESIDES = 1024 * 1024;

/** Where the sandbox's references are kept here, and what they are called inside. */
const sandboxRefs = [
  ["refs/heads/", "refs/sandbox/heads/"],
  ["refs/tags/", "refs/sandbox/tags/"],
  ["refs/remotes/host/", "refs/sandbox/host/"],
] as const;

/** Where the sandbox names what is staged. */
export const stagedRef: string = "refs/clauderon/index";

/** Where it names all stashes, when there are several. */
export const stashesRef: string = "refs/clauderon/stashes";

/** Where a sandbox that shares no files with this machine names its working tree, and what of it git ignores. */
export const filesRef: string = "refs/clauderon/files";
export const ignoredRef: string = "refs/clauderon/ignored";

/** Single ones. */
const singleRefs = [
  ["refs/stash", "refs/sandbox/stash"],
  [stagedRef, "refs/sandbox/index"],
  [filesRef, "refs/sandbox/files"],
  [ignoredRef, "refs/sandbox/ignored"],
  [stashesRef, "refs/sandbox/stashes"],
] as const;

export interface FetchedRefs extends AsyncDisposable {
  /** By their names here; `refs/sandbox/HEAD` among them unless the branch has no commit. */
  readonly refs: ReadonlyMap<string, string>;
  /** Puts the objects into the session's own; references are the caller's to move. */
  keep(): Promise<void>;
}

export interface FetchCall {
  readonly sandbox: Pick<Sandbox, "exec">;
  /** False on a branch without commits: asking for what is not there fails. */
  readonly hasHead: boolean;
  readonly limits: SyncLimits;
  readonly signal: AbortSignal;
}

/**
 * Fetches into a git directory that is thrown away: nothing of what came is where anybody looks before git has checked every object, what they
 * reach is there, and there are not too many.
 */
export async function fetchSandbox(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  { sandbox, hasHead, limits, signal }: FetchCall,
): Promise<FetchedRefs> {
  const places = privatePlaces(record);
  const { path: quarantine, discard } = tools.scratch.reserve();
  try {
    await prepare(tools, quarantine, { outside: places.outside, isSha256: record.base.length === 64, signal });
    await using git = await serveSandboxGit({
      sandbox,
      directory: gitInside(record).directory,
      service: "git-upload-pack",
      maxBytes: limits.maxBytes,
      maxObjects: limits.maxObjects,
      maxNameBytes: limits.maxRefs * BYTES_PER_NAME + BYTES_BESIDES,
      stallMs: limits.stallMs ?? STALL_MS,
      signal,
    });
    const specs = [
      ...sandboxRefs.map(([inside, here]) => `+${inside}*:${here}*`),
      // As patterns: one that is not there is no error. What else they match is not kept.
      ...singleRefs.map(([inside, here]) => `+${inside}*:${here}*`),
      ...(hasHead ? ["+HEAD:refs/sandbox/HEAD"] : []),
    ];
    try {
      await fetchInto(tools, quarantine, { url: git.url, specs, signal, limits });
    } catch (error) {
      signal.throwIfAborted();
      throw (
        git.failure() ?? syncFailed("what came out of the sandbox was refused", printable(complaintOf(error)), error)
      );
    }
    const refs = await refsOf(tools, quarantine, { limits, signal });
    await refuseTooMany(tools, quarantine, limits);
    return {
      refs,
      keep: () => keep(tools, { quarantine, outside: places.outside }),
      [Symbol.asyncDispose]: discard,
    };
  } catch (error) {
    await discard();
    throw error;
  }
}

async function prepare(
  tools: WorkspaceTools,
  quarantine: string,
  call: { readonly outside: string; readonly isSha256: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const { fileSystem, git } = tools;
  for (const name of ["refs", "objects/info", "objects/pack"]) await fileSystem.makeDirectory(join(quarantine, name));
  const format = call.isSha256 ? [{ key: "extensions.objectformat", value: "sha256" }] : [];
  await fileSystem.writeText(
    join(quarantine, "config"),
    formatGitConfig([
      { key: "core.repositoryformatversion", value: call.isSha256 ? "1" : "0" },
      { key: "core.bare", value: "true" },
      ...format,
    ]),
  );
  await fileSystem.writeText(join(quarantine, "HEAD"), "ref: refs/heads/clauderon-none\n");
  await fileSystem.writeText(join(quarantine, "objects", "info", "alternates"), `${join(call.outside, "objects")}\n`);
  const shallow = await fileSystem.readText(join(call.outside, "shallow"));
  if (shallow !== undefined) await fileSystem.writeText(join(quarantine, "shallow"), shallow);
  // What is here already, so that it is not sent again.
  const { stdout } = await git.inspect([`--git-dir=${call.outside}`, "for-each-ref", "--format=%(objectname)"], {
    signal: call.signal,
  });
  const known = [...new Set(stdout.split("\n").filter((line) => line !== ""))];
  const text = known.map((object, index) => `${object} refs/known/${String(index)}\n`).join("");
  await fileSystem.writeText(join(quarantine, "packed-refs"), text);
}

/** Old histories have these; none of them does harm. */
const oldFlaws = ["zeroPaddedFilemode", "badTimezone", "missingSpaceBeforeDate", "missingTaggerEntry"];

const fetchSettings = [
  "fetch.fsckObjects=true",
  ...oldFlaws.map((flaw) => `fetch.fsck.${flaw}=warn`),
  "fetch.unpackLimit=1",
  // One object at a time is in memory, whatever it says of its size.
  "pack.threads=1",
  "fetch.uriProtocols=",
  "fetch.writeCommitGraph=false",
  "transfer.bundleURI=false",
  "transfer.credentialsInUrl=allow",
];

/** Nobody's configuration has another address for it. */
export const remoteName: string = `clauderon-${randomBytes(8).toString("hex")}`;

/** Blobs that are larger are never taken into memory (core.bigFileThreshold), and nothing else is as large. */
const MAX_OBJECT_BYTES = 1024 * 1024 * 1024;

/** What `index-pack` takes for each that the header names. */
const BYTES_PER_OBJECT = 128;

async function fetchInto(
  { git }: WorkspaceTools,
  quarantine: string,
  call: {
    readonly url: string;
    readonly specs: readonly string[];
    readonly limits: SyncLimits;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  await git.inspect(
    [...fetchSettings.flatMap((setting) => ["-c", setting]), "fetch", ...quietFetch, remoteName, ...call.specs],
    {
      cwd: "/",
      environment: {
        GIT_DIR: quarantine,
        GIT_ALLOC_LIMIT: String(Math.max(MAX_OBJECT_BYTES, call.limits.maxObjects * BYTES_PER_OBJECT)),
        // The one command of this mode that talks to somebody: on loopback, to the sandbox alone.
        GIT_ALLOW_PROTOCOL: "git",
        GIT_CONFIG_COUNT: "1",
        GIT_CONFIG_KEY_0: `remote.${remoteName}.url`,
        GIT_CONFIG_VALUE_0: call.url,
      },
      signal: call.signal,
      timeoutMs: call.limits.timeoutMs,
    },
  );
}

async function refsOf(
  { git }: WorkspaceTools,
  quarantine: string,
  { limits, signal }: { readonly limits: SyncLimits; readonly signal: AbortSignal },
): Promise<ReadonlyMap<string, string>> {
  const args = [`--git-dir=${quarantine}`, "for-each-ref", "--format=%(objectname) %(refname)", "refs/sandbox"];
  const { stdout } = await git.inspect(args, { signal });
  const refs = new Map<string, string>();
  for (const line of stdout.split("\n")) {
    const at = line.indexOf(" ");
    if (at !== -1) refs.set(line.slice(at + 1), line.slice(0, at));
  }
  if (refs.size > limits.maxRefs)
    throw overLimit(
      `the sandbox has ${String(refs.size)} references; at most ${String(limits.maxRefs)} are taken`,
      "sync_refs",
    );
  return refs;
}

async function refuseTooMany({ fileSystem }: WorkspaceTools, quarantine: string, limits: SyncLimits): Promise<void> {
  const packs = join(quarantine, "objects", "pack");
  let count = 0;
  for (const name of await fileSystem.names(packs))
    if (name.endsWith(".pack")) count += await objectsIn(join(packs, name));
  if (count > limits.maxObjects)
    throw overLimit(
      `the sandbox sent ${String(count)} objects; at most ${String(limits.maxObjects)} are taken`,
      "sync_objects",
    );
}

/** gitformat-pack(5): the number of objects stands at offset 8. */
async function objectsIn(pack: string): Promise<number> {
  await using file = await open(pack);
  const { buffer } = await file.read(Buffer.alloc(12), 0, 12, 0);
  return buffer.readUInt32BE(8);
}

async function keep(
  { fileSystem }: WorkspaceTools,
  { quarantine, outside }: { readonly quarantine: string; readonly outside: string },
): Promise<void> {
  const [from, to] = [quarantine, outside].map((directory) => join(directory, "objects", "pack")) as [string, string];
  const names = (await fileSystem.names(from)).filter((name) => /^pack-[0-9a-f]+\.(?:pack|rev|idx)$/u.test(name));
  // With its index a pack begins to count.
  const ordered = [...names.filter((name) => !name.endsWith(".idx")), ...names.filter((name) => name.endsWith(".idx"))];
  for (const name of ordered) {
    await fileSystem.sync(join(from, name));
    await fileSystem.rename(join(from, name), join(to, name));
  }
  await fileSystem.sync(to);
}
