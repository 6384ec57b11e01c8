import type { ClauderonErrorJson } from "@clauderon/core/contract";

import type { ListedRef, PackRequest, RemoteHead, UnreachedRequest } from "../repository-port.ts";
import type { NetworkSettings } from "./network-settings.ts";

/** What is done in a thread of its own. */
export type Work =
  | { readonly kind: "listRefs"; readonly gitDirectory: string }
  | ({ readonly kind: "unreached" } & UnreachedRequest)
  | ({ readonly kind: "pack" } & PackRequest)
  | { readonly kind: "remoteHead"; readonly network: NetworkSettings }
  | ({ readonly kind: "fetch"; readonly network: NetworkSettings } & FetchPlaces);

export interface FetchPlaces {
  /** Git directory whose objects need not come again. */
  readonly path: string;
  /** Empty directory of ours; gets the pack and nothing else that is used. */
  readonly scratch: string;
}

/** What another repository has, with all its objects checked. */
export interface Fetched {
  /** By their names here. */
  readonly refs: readonly { readonly name: string; readonly object: string }[];
  /** Commit of the other's HEAD. */
  readonly head: string;
  /** File in `scratch`, without its ending; absent when nothing came. */
  readonly pack?: string | undefined;
}

export interface Results {
  readonly listRefs: readonly ListedRef[];
  readonly unreached: ReadonlySet<string>;
  readonly pack: string | undefined;
  /** `undefined` when it has no commit. */
  readonly remoteHead: RemoteHead | undefined;
  readonly fetch: Fetched | undefined;
}

export type Answer =
  | { readonly type: "done"; readonly result: unknown }
  | { readonly type: "failed"; readonly error: ClauderonErrorJson };
