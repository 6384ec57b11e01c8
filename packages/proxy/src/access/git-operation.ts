import { loosePath } from "../policy/canonical-path.ts";
import type { ProxyRequest } from "../policy/proxy-types.ts";
import { queryPairs } from "./query-pairs.ts";

/** What a request does to a git repository over smart HTTP (gitprotocol-http(5)) or the LFS API. */
export interface GitOperation {
  readonly kind: "fetch" | "push" | "archive" | "lfs-batch" | "lfs-locks" | "unknown-service";
  /** Path of the repository without leading `/` and `.git`. */
  readonly repository: string;
  /** `push`: the request that carries the commands, not the discovery before it. */
  readonly isPack: boolean;
}

const suffixes: readonly (readonly [suffix: string, kind: GitOperation["kind"]])[] = [
  ["/git-receive-pack", "push"],
  ["/git-upload-pack", "fetch"],
  ["/git-upload-archive", "archive"],
  ["/info/lfs/objects/batch", "lfs-batch"],
  ["/info/lfs/locks", "lfs-locks"],
  ["/info/lfs/locks/verify", "lfs-locks"],
];
const unlock = /\/info\/lfs\/locks\/[^/]+\/unlock$/;

/** Reads the operation from path and query; `undefined` for a request that is none of git's. Spellings that only some servers take for git's count as git's. */
export function gitOperation(request: Pick<ProxyRequest, "path" | "query">): GitOperation | undefined {
  const loose = loosePath(request.path);
  if (loose.endsWith("/info/refs")) return discovery(request, loose);
  const found = suffixes.find(([suffix]) => loose.endsWith(suffix));
  if (found !== undefined) return operation(found[1], request.path, found[0].length);
  const length = unlock.exec(loose)?.[0].length;
  return length === undefined ? undefined : operation("lfs-locks", request.path, length);
}

function discovery(request: Pick<ProxyRequest, "path" | "query">, loose: string): GitOperation | undefined {
  const isNamed = queryPairs(request.query).some(([name]) => name === "service");
  const suffix = "/info/refs".length;
  if (!isNamed) return { ...operation("fetch", request.path, suffix), isPack: false };
  // Nothing beside the one parameter: another could be the one that a server reads.
  const exact = /^service=(git-upload-pack|git-receive-pack)$/.exec(request.query)?.[1];
  const isCanonical = loose === request.path.toLowerCase();
  if (exact === undefined || !isCanonical)
    return { ...operation("unknown-service", request.path, suffix), isPack: false };
  return { ...operation(exact === "git-upload-pack" ? "fetch" : "push", request.path, suffix), isPack: false };
}

function operation(kind: GitOperation["kind"], path: string, suffixLength: number): GitOperation {
  const repository = path.slice(1, path.length - suffixLength).replace(/\.git$/, "");
  return { kind, repository, isPack: kind === "push" };
}
