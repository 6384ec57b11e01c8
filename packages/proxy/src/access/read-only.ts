import { loosePath } from "../policy/canonical-path.ts";
import { anyGlob, looseGlobs, type PathMatcher } from "../policy/path-glob.ts";
import type { BodyCheck, ProxyRequest, Refusal, RuleProtocol } from "../policy/proxy-types.ts";
import { isRefusal, refuse } from "../policy/refusal.ts";
import { accessTables } from "./access-tables.ts";
import { bodyCheckLimitBytes, checkGraphqlDocument } from "./check-body.ts";
import { gitOperation } from "./git-operation.ts";
import { queryPairs } from "./query-pairs.ts";

interface CompiledTable {
  readonly posts: PathMatcher;
  readonly upgrades: PathMatcher;
  readonly refusedReads: PathMatcher;
}

const compiled = new Map(
  Object.entries(accessTables).map(([protocol, table]) => {
    const entry: CompiledTable = {
      posts: anyGlob(table.posts),
      upgrades: anyGlob(table.upgrades),
      refusedReads: looseGlobs(table.refusedReads),
    };
    return [protocol, entry] as const;
  }),
);

const reads: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
const overrideHeaders: ReadonlySet<string> = new Set([
  "x-http-method-override",
  "x-http-method",
  "x-method-override",
  "x-original-method",
]);
const overrideLengths: ReadonlySet<number> = new Set([...overrideHeaders].map((name) => name.length));

/** Why a request does not pass in a read-only session, or the check of its body that decides; `undefined` = it passes. */
export function readOnlyVerdict(protocol: RuleProtocol, request: ProxyRequest): Refusal | BodyCheck | undefined {
  const trick = overrideOf(request);
  if (trick !== undefined) return refused(`${trick} asks for another method than ${request.method}`);
  if (protocol === "git" || protocol === "http") {
    const git = gitVerdict(request);
    if (git !== "not-git") return git;
  }
  const table = accessTables[protocol];
  const tableCompiled = compiled.get(protocol);
  if (request.isUpgrade && tableCompiled?.upgrades(request.path) !== true) return refused("this channel can write");
  if (reads.has(request.method)) return readVerdict(protocol, request);
  if (request.method !== "POST") return refused(`${request.method} writes`);
  const body = table.bodies.find(({ path }) => path === request.path);
  if (body !== undefined) return bodyCheck(request, body.kind);
  return tableCompiled?.posts(request.path) === true
    ? undefined
    : refused(`POST to this path is not a read (${protocol})`);
}

/** A check of the body, or the refusal of one that is compressed and so cannot be read. */
export function bodyCheck(request: ProxyRequest, kind: BodyCheck["kind"]): Refusal | BodyCheck {
  const encoding = headerValues(request, "content-encoding").join(",").trim().toLowerCase();
  if (encoding === "" || encoding === "identity") return { kind, limitBytes: bodyCheckLimitBytes };
  return refuse(403, "body-unreadable", {
    message: `The request's body cannot be decided on: it is compressed (${encoding.slice(0, 40)})`,
    fix: "send it without Content-Encoding",
  });
}

function readVerdict(protocol: RuleProtocol, request: ProxyRequest): Refusal | undefined {
  const table = accessTables[protocol];
  if (!request.isUpgrade && hasBody(request)) return refused(`${request.method} with a body`);
  if (compiled.get(protocol)?.refusedReads(loosePath(request.path)) === true)
    return refused("the answer holds credentials");
  if (protocol === "container-registry") return registryVerdict(request);
  const isGraphql = table.bodies.some(({ path, kind }) => kind === "graphql-reads" && path === loosePath(request.path));
  const documents = isGraphql ? queryPairs(request.query).filter(([name]) => name === "query") : [];
  if (isGraphql && documents.length === 0 && request.query !== "")
    return refused("a stored GraphQL query is not known here");
  for (const [, document] of documents) {
    const refusal = checkGraphqlDocument("graphql-reads", document);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** A token for a scope that writes is a write. */
function registryVerdict(request: ProxyRequest): Refusal | undefined {
  const writes = queryPairs(request.query).some(
    ([name, value]) => name === "scope" && /(?::|,)(?:push|delete|\*)(?:,|\s|$)/.test(value.toLowerCase()),
  );
  return writes ? refused("the scope asks for more than pull") : undefined;
}

function gitVerdict(request: ProxyRequest): Refusal | BodyCheck | "not-git" | undefined {
  const operation = gitOperation(request);
  if (operation === undefined) return "not-git";
  if (request.isUpgrade) return refused("git has no such channel");
  const isRead = reads.has(request.method);
  if (isRead && hasBody(request)) return refused(`${request.method} with a body`);
  if (operation.kind === "fetch") {
    const isPost = request.method === "POST" && request.path.endsWith("/git-upload-pack");
    return isRead || isPost ? undefined : refused(`${request.method} is not part of a fetch`);
  }
  if (operation.kind === "lfs-batch" && request.method === "POST") return bodyCheck(request, "lfs-download");
  if (operation.kind === "lfs-locks" && isRead) return undefined;
  return refused(operation.kind === "push" ? "git push" : `git ${operation.kind}`);
}

/** What asks a server to take the request for one of another method. */
export function overrideOf(request: ProxyRequest): string | undefined {
  for (const { name } of request.headers)
    if (overrideLengths.has(name.length) && overrideHeaders.has(name.toLowerCase().replaceAll("_", "-")))
      return `the header ${name}`;
  if (request.query === "") return undefined;
  return queryPairs(request.query).some(([name]) => name === "_method" || name === "x-http-method-override")
    ? "the parameter _method"
    : undefined;
}

function hasBody(request: ProxyRequest): boolean {
  return (
    headerValues(request, "transfer-encoding").length > 0 ||
    headerValues(request, "content-length").some((value) => value.trim() !== "0")
  );
}

function headerValues(request: ProxyRequest, wanted: string): readonly string[] {
  return request.headers.filter(({ name }) => name.toLowerCase() === wanted).map(({ value }) => value);
}

function refused(why: string): Refusal {
  return refuse(403, "read-only", {
    message: `The session is read-only: ${why}`,
    fix: "clauderon set-access-mode NAME read-write",
  });
}

/** Tells a check of the body from a refusal. */
export function isBodyCheck(value: Refusal | BodyCheck | undefined): value is BodyCheck {
  return value !== undefined && !isRefusal(value);
}
