import { parseJson } from "@clauderon/core/host";

import type { BodyCheck, Refusal } from "../policy/proxy-types.ts";
import { refuse } from "../policy/refusal.ts";
import { summarizeGraphql, type GraphqlSummary } from "./graphql.ts";
import { refMutations } from "./ref-routes.ts";

/** More than this is not looked into: it is refused. */
export const bodyCheckLimitBytes: number = 1024 * 1024;

/** Why a body is not sent; `undefined` = it may be. The body is whole and not compressed. */
export function checkBody(kind: BodyCheck["kind"], body: Uint8Array): Refusal | undefined {
  if (body.length > bodyCheckLimitBytes) return unreadable(kind, "it is larger than 1 MiB");
  const value = readJson(body);
  if (value === undefined) return unreadable(kind, "it is not JSON");
  if (kind === "lfs-download") return checkLfs(value);
  return checkGraphql(kind, value);
}

/** The same for a GraphQL document in a query parameter. */
export function checkGraphqlDocument(kind: BodyCheck["kind"], document: unknown): Refusal | undefined {
  const summary = typeof document === "string" ? summarizeGraphql(document) : undefined;
  if (summary === undefined) return unreadable(kind, "it has no query text that can be read for certain");
  return kind === "graphql-reads" ? checkReads(summary) : checkRefs(summary);
}

function checkGraphql(kind: BodyCheck["kind"], value: unknown): Refusal | undefined {
  const requests = Array.isArray(value) ? (value as readonly unknown[]) : [value];
  if (requests.length === 0) return unreadable(kind, "it is empty");
  for (const request of requests) {
    if (typeof request !== "object" || request === null) return unreadable(kind, "it is not a GraphQL request");
    const refusal = checkGraphqlDocument(kind, "query" in request ? request.query : undefined);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function checkReads(summary: GraphqlSummary): Refusal | undefined {
  if (summary.operations.every((operation) => operation === "query")) return undefined;
  return refuse(403, "read-only", {
    message: "The session is read-only: GraphQL queries pass, mutations and subscriptions do not",
    fix: "clauderon set-access-mode NAME read-write",
  });
}

function checkRefs(summary: GraphqlSummary): Refusal | undefined {
  const mutation = refMutations.find((name) => summary.names.has(name));
  if (mutation === undefined || !summary.operations.includes("mutation")) return undefined;
  return refuse(403, "push-not-scoped", {
    message: `The session may change its own branch by git push alone; ${mutation} changes branches through the API`,
    fix: "push the session's branch and open a pull request",
  });
}

function checkLfs(value: unknown): Refusal | undefined {
  const operation = typeof value === "object" && value !== null && "operation" in value ? value.operation : undefined;
  if (operation === "download") return undefined;
  return refuse(403, "read-only", {
    message: "LFS objects may be downloaded here, not uploaded",
    fix: "clauderon set-access-mode NAME read-write, and push to the session's own repository",
  });
}

/** Strict UTF-8, and no member twice: parsers disagree on which one counts. */
function readJson(body: Uint8Array): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    return hasRepeatedMember(text) ? undefined : parseJson(text, "the body");
  } catch {
    // Not UTF-8 or not JSON: the caller refuses either.
    return undefined;
  }
}

const decisive = /"((?:[^"\\]|\\.)*)"\s*:/g;

/** Whether a decisive member (`query`, `operation`) is named more often than there are objects that could hold it, or in escapes. */
function hasRepeatedMember(text: string): boolean {
  const value = parseJson(text, "the body");
  const objects = Array.isArray(value) ? value.length : 1;
  const counts = { query: 0, operation: 0 };
  for (const [, name = ""] of outerMembers(text)) {
    const plain = parseJson(`"${name}"`, "the body");
    if (plain === "query" || plain === "operation") counts[plain] += 1;
  }
  return counts.query > objects || counts.operation > objects;
}

/** Members of the outermost objects: text inside deeper objects (variables may be named `query`) is left out. */
function outerMembers(text: string): IterableIterator<RegExpMatchArray> {
  let depth = 0;
  let isText = false;
  let kept = "";
  const outer = text.trimStart().startsWith("[") ? 2 : 1;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index] ?? "";
    if (isText && character === "\\") {
      if (depth === outer) kept += text.slice(index, index + 2);
      index += 1;
      continue;
    }
    if (character === '"') isText = !isText;
    if (!isText && (character === "}" || character === "]")) depth -= 1;
    if (depth === outer) kept += character;
    if (!isText && (character === "{" || character === "[")) depth += 1;
  }
  return kept.matchAll(decisive);
}

function unreadable(kind: BodyCheck["kind"], why: string): Refusal {
  const what = kind === "lfs-download" ? "LFS" : "GraphQL";
  return refuse(403, "body-unreadable", {
    message: `The ${what} request cannot be decided on: ${why}`,
    fix: "send it as plain JSON below 1 MiB with its whole text, or use a session with read-write access",
  });
}
