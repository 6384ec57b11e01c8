import { loosePath } from "../policy/canonical-path.ts";
import type {
  BodyCheck,
  ProxyRequest,
  PushScope,
  Refusal,
  RuleProtocol,
  SessionPolicy,
} from "../policy/proxy-types.ts";
import { refuse } from "../policy/refusal.ts";
import { apiPath, compileRoutes } from "./compile-routes.ts";
import { gitOperation, type GitOperation } from "./git-operation.ts";
import { bodyCheck, isBodyCheck, overrideOf, readOnlyVerdict } from "./read-only.ts";
import { refRoutes } from "./ref-routes.ts";

/** A refusal, or what the transport has to look at; empty when the request passes. */
export interface Access {
  readonly refusal?: Refusal | undefined;
  readonly extra?: { readonly push?: PushScope; readonly bodyCheck?: BodyCheck } | undefined;
}

/** What the access mode and the push scope of a session say about a request. */
export function accessVerdict(policy: SessionPolicy, protocol: RuleProtocol, request: ProxyRequest): Access {
  if (policy.accessMode === "read-only") {
    const verdict = readOnlyVerdict(protocol, request);
    if (isBodyCheck(verdict)) return { extra: { bodyCheck: verdict } };
    return verdict === undefined ? {} : { refusal: verdict };
  }
  // What is decided on here is the method; a host of an API must not see another.
  const trick = protocol === "http" ? undefined : overrideOf(request);
  if (trick !== undefined) return { refusal: methodOverridden(trick) };
  if (protocol === "git") return pushAccess(policy, request);
  return protocol === "github-api" && policy.push !== undefined ? refAccess(request) : {};
}

const webdavWrites: ReadonlySet<string> = new Set([
  "PUT",
  "MKCOL",
  "MOVE",
  "COPY",
  "LOCK",
  "UNLOCK",
  "PROPPATCH",
  "DELETE",
]);

/** Where the dumb protocol writes (gitprotocol-http(5) leaves it to WebDAV); a git host's own API lies elsewhere. */
const insideRepository = /\.git(?:\/|$)|\/(?:objects|refs|info)\/|\/(?:head|packed-refs)$/;

function pushAccess(policy: SessionPolicy, request: ProxyRequest): Access {
  const operation = gitOperation(request);
  if (operation === undefined) {
    const isWebdav =
      policy.push !== undefined && webdavWrites.has(request.method) && insideRepository.test(loosePath(request.path));
    return isWebdav ? { refusal: notScoped(policy.push, `${request.method} on a git host`) } : {};
  }
  if (operation.kind === "unknown-service")
    return { refusal: notScoped(policy.push, "a git service that is neither fetch nor push") };
  const isRead = request.method === "GET" || request.method === "HEAD";
  if (operation.kind === "fetch" || operation.kind === "archive" || (operation.kind === "lfs-locks" && isRead))
    return {};
  if (policy.push === undefined) return policy.isIsolated ? { refusal: notScoped(undefined, operation.kind) } : {};
  const { host, port } = request.target;
  const isOwnHost = host === policy.push.host && port === (policy.push.port ?? 443);
  const isOwn = isOwnHost && operation.repository === policy.push.repository;
  if (isOwn) return operation.isPack ? { extra: { push: policy.push } } : {};
  return otherRepository(policy.push, operation, request);
}

function otherRepository(scope: PushScope, operation: GitOperation, request: ProxyRequest): Access {
  if (operation.kind !== "lfs-batch")
    return { refusal: notScoped(scope, `${operation.kind} to ${operation.repository}`) };
  const check = bodyCheck(request, "lfs-download");
  return isBodyCheck(check) ? { extra: { bodyCheck: check } } : { refusal: check };
}

const movesRefs = compileRoutes(refRoutes);

function refAccess(request: ProxyRequest): Access {
  const path = apiPath(request.path);
  if (movesRefs(request.method, path)) {
    return {
      refusal: refuse(403, "push-not-scoped", {
        message: "The session may change its own branch by git push alone, not branches through the API",
        fix: "push the session's branch and open a pull request",
      }),
    };
  }
  if (request.method !== "POST" || !/^(?:\/api)?\/graphql$/.test(loosePath(request.path))) return {};
  const check = bodyCheck(request, "graphql-keeps-refs");
  return isBodyCheck(check) ? { extra: { bodyCheck: check } } : { refusal: check };
}

function methodOverridden(trick: string): Refusal {
  return refuse(403, "method-override", {
    message: `The request hides its method: ${trick.slice(0, 100)}`,
    fix: "send the method itself",
  });
}

function notScoped(scope: PushScope | undefined, what: string): Refusal {
  return refuse(403, "push-not-scoped", {
    message: `The session may not do this: ${what.slice(0, 200)}`,
    fix:
      scope === undefined
        ? "create the session from a repository with a remote, so that it has a branch to push"
        : `push ${scope.ref} to ${scope.host}/${scope.repository}`,
  });
}
