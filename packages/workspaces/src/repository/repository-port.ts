import type { CallOptions } from "@clauderon/core/contract";

import type { GitObject } from "../mirror-manifest.ts";

/** Where the git directories of a path are. */
export interface LocatedRepository {
  readonly gitDirectory: string;
  readonly commonDirectory: string;
  /** Absent in a bare repository. */
  readonly workTree: string | undefined;
  readonly head: string;
}

export interface ListedRef extends GitObject {
  readonly name: string;
  /** What a symbolic one names; empty for all others. */
  readonly target: string;
}

export interface UnreachedRequest {
  readonly gitDirectory: string;
  /** Another git directory whose objects are found, too. */
  readonly lender?: string | undefined;
  /** Commits that are there. */
  readonly commits: readonly string[];
  /** Objects whose history counts as reached. */
  readonly tips: readonly string[];
}

export interface PackRequest {
  /** Git directory whose objects are copied. */
  readonly from: string;
  /** Git directory that gets the pack. */
  readonly into: string;
  readonly tips: readonly string[];
  /** What these reach lies in the packs of `into` already, and nothing else does. */
  readonly without: readonly string[];
}

export interface RemoteHead {
  readonly head: string;
  /** Short name of the branch that its HEAD names. */
  readonly branch?: string | undefined;
}

export interface FetchRequest {
  readonly url: string;
  /** A bare git directory of ours. */
  readonly path: string;
}

/**
 * What has to be read of repositories and brought from others where no working tree is involved. One implementation runs git, the other isomorphic-git
 * where the machine has no git; worktrees need git. Nothing of a repository's own is ever run.
 */
export interface RepositoryPort {
  /** From a real path: the repository it lies in. Rejects with `repository.not-found`, `repository.empty`. */
  locate(place: { readonly path: string; readonly directory: string }, call?: CallOptions): Promise<LocatedRepository>;
  /** Branches, remotes' branches and tags. */
  listRefs(gitDirectory: string, call?: CallOptions): Promise<readonly ListedRef[]>;
  /** Those of the commits that no tip reaches: by the history as it is, not as a replacement or a graft shows it. */
  unreached(request: UnreachedRequest, call?: CallOptions): Promise<ReadonlySet<string>>;
  /** Writes one pack with everything that the tips reach; its name without ending, `undefined` when nothing is missing. */
  pack(request: PackRequest, call?: CallOptions): Promise<string | undefined>;
  /** Rejects with `repository.not-found`, `repository.empty`. */
  remoteHead(url: string, call?: CallOptions): Promise<RemoteHead>;
  /** A new bare repository in an absent directory. */
  initialise(request: FetchRequest & { readonly isSha256: boolean }, call?: CallOptions): Promise<void>;
  /**
   * Branches to `refs/remotes/origin`, tags, and the other's HEAD to `refs/clauderon/head`; what is no more there is pruned. Resolves with the commit of
   * HEAD. On failure the references are as before. Rejects with `repository.not-found`.
   */
  fetch(request: FetchRequest, call?: CallOptions): Promise<string>;
}
