import type { CredentialRule } from "../policy/proxy-types.ts";
import type { Redactor } from "../redact/create-redactor.ts";
import type { RequestHead } from "./request-head.ts";

/** Of one connection, never passed on (RFC 9110 §7.6.1); `expect` is answered here, `trailer` because trailers of a request are refused. */
const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Of an answer; `alt-svc` would lead the client around the proxy. */
const answerHopByHop: ReadonlySet<string> = new Set([
  "alt-svc",
  "connection",
  "keep-alive",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/** Carry credentials at most hosts; removed beside the rule's own before one is injected, so that the client cannot add a second. */
const credentialHeaders: ReadonlySet<string> = new Set([
  "api-key",
  "authorization",
  "cookie",
  "private-token",
  "x-api-key",
  "x-goog-api-key",
]);

/** What is put into a request, and which names it replaces. */
export interface InjectionPlan {
  readonly header: { readonly name: string; readonly value: string } | undefined;
  readonly parameter: { readonly name: string; readonly value: string } | undefined;
  readonly isCredentialHeader: (name: string) => boolean;
  readonly isCredentialParameter: (name: string) => boolean;
}

/** Turns a rule and its secret into what is removed and added; without a secret nothing is added. */
export function planInjection(rule: CredentialRule, secret: string | undefined): InjectionPlan {
  const inject = rule.inject;
  const headers = new Set((rule.credentialHeaders ?? []).map(spelling));
  const parameters = new Set((rule.credentialParameters ?? []).map(spelling));
  if (inject?.kind === "header") headers.add(spelling(inject.name));
  if (inject?.kind === "query") parameters.add(spelling(inject.name));
  return {
    header: secret === undefined ? undefined : headerOf(rule, secret),
    parameter: inject?.kind === "query" && secret !== undefined ? { name: inject.name, value: secret } : undefined,
    isCredentialHeader: (name) => {
      const spelled = spelling(name);
      return credentialHeaders.has(spelled) || headers.has(spelled);
    },
    isCredentialParameter: (name) => parameters.has(spelling(name)),
  };
}

function headerOf({ inject }: CredentialRule, secret: string): InjectionPlan["header"] {
  if (inject?.kind === "header")
    return { name: inject.name, value: inject.format.replaceAll("{secret}", () => secret) };
  if (inject?.kind === "basic")
    return {
      name: "authorization",
      value: `Basic ${Buffer.from(`${inject.username}:${secret}`, "utf8").toString("base64")}`,
    };
  return undefined;
}

/** Servers that take `X_Api_Key` for `x-api-key` exist. */
function spelling(name: string): string {
  const lower = name.toLowerCase();
  return lower.includes("_") ? lower.replaceAll("_", "-") : lower;
}

export interface UpstreamHeadersRequest {
  readonly head: RequestHead;
  readonly host: string;
  readonly plan: InjectionPlan | undefined;
  /** Encodings that the answer's filter can read; absent = the client's own wish. */
  readonly acceptEncoding?: string | undefined;
  /** Lower-case names that do not fit the body any more. */
  readonly without?: readonly string[] | undefined;
}

/** Names and values in turn, as they go upstream: order and spelling kept, hop-by-hop lines and replaced credentials gone. */
export function upstreamHeaders(request: UpstreamHeadersRequest): string[] {
  const { head, plan, acceptEncoding, without } = request;
  const { headers, names, connectionOptions } = head;
  const lines = ["host", request.host];
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index] ?? "";
    const header = headers[index];
    if (header === undefined || hopByHop.has(name) || name.startsWith("proxy-")) continue;
    if (connectionOptions.length > 0 && connectionOptions.includes(name)) continue;
    if (plan?.isCredentialHeader(name) === true || without?.includes(name) === true) continue;
    if (acceptEncoding !== undefined && name === "accept-encoding") continue;
    lines.push(header.name, header.value);
  }
  if (head.acceptsTrailers) lines.push("te", "trailers");
  if (acceptEncoding !== undefined) lines.push("accept-encoding", acceptEncoding);
  if (plan?.header !== undefined) lines.push(plan.header.name, plan.header.value);
  return lines;
}

/** The query with the client's credentials removed and ours added. */
export function upstreamQuery(query: string, plan: InjectionPlan | undefined): string {
  if (plan === undefined) return query;
  const kept = query.split("&").filter((pair) => {
    if (pair === "") return false;
    const [name = ""] = pair.split("=", 1);
    return !plan.isCredentialParameter(decodeName(name));
  });
  if (plan.parameter !== undefined)
    kept.push(`${encodeURIComponent(plan.parameter.name)}=${encodeURIComponent(plan.parameter.value)}`);
  return kept.join("&");
}

function decodeName(name: string): string {
  try {
    return decodeURIComponent(name.replaceAll("+", " "));
  } catch {
    // Not UTF-8: no name of a rule looks like this.
    return name;
  }
}

/** The header lines of an answer as text, names and values in turn, without those of the connection. */
export function answerHeaders(lines: readonly (Buffer | string)[]): string[] {
  const texts: string[] = [];
  let options: readonly string[] | undefined;
  for (let index = 0; index < lines.length; index += 2) {
    const name = textOf(lines[index]);
    const lower = name.toLowerCase();
    if (lower === "connection") {
      const value = textOf(lines[index + 1]).toLowerCase();
      // Nearly every answer says one of these two, and names no other header.
      if (value !== "keep-alive" && value !== "close")
        options = [...(options ?? []), ...value.split(",").map((option) => option.trim())];
      continue;
    }
    if (answerHopByHop.has(lower) || lower.startsWith("proxy-")) continue;
    texts.push(name, textOf(lines[index + 1]));
  }
  return options === undefined ? texts : withoutNames(texts, options);
}

/** Names and values in turn: HTTP/1.1 gives them so, HTTP/2 as a table. */
export function rawLines(raw: unknown): readonly (Buffer | string)[] {
  if (Array.isArray(raw)) return raw as readonly (Buffer | string)[];
  return Object.entries((raw ?? {}) as Readonly<Record<string, string | readonly string[]>>).flatMap(([name, value]) =>
    typeof value === "string" ? [name, value] : value.flatMap((one) => [name, one]),
  );
}

/** Without the lines of these lower-case names. */
export function withoutNames(texts: readonly string[], names: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < texts.length; index += 2) {
    const name = texts[index] ?? "";
    if (!names.includes(name.toLowerCase())) kept.push(name, texts[index + 1] ?? "");
  }
  return kept;
}

function textOf(value: Buffer | string | undefined): string {
  return typeof value === "string" ? value : (value?.toString("latin1") ?? "");
}

/** The value of a header that stands there once or never, given its lower-case name; several are joined. */
export function headerValue(lines: readonly string[], wanted: string): string | undefined {
  let found: string | undefined;
  for (let index = 0; index < lines.length; index += 2) {
    const name = lines[index] ?? "";
    if (name.length !== wanted.length || name.toLowerCase() !== wanted) continue;
    const value = lines[index + 1] ?? "";
    found = found === undefined ? value : `${found}, ${value}`;
  }
  return found;
}

/** Header lines by lower-case name, repeated ones joined. */
export function headerTable(lines: readonly string[]): Record<string, string> {
  const table: Record<string, string> = {};
  for (let index = 0; index < lines.length; index += 2) {
    const name = (lines[index] ?? "").toLowerCase();
    const known = table[name];
    const value = lines[index + 1] ?? "";
    table[name] = known === undefined ? value : `${known}, ${value}`;
  }
  return table;
}

/** The same lines without secrets; looked through in one go, because a redactor's start costs more than its bytes. */
export function redactLines(lines: string[], redactor: Redactor): string[] {
  // No header holds a line feed, and what is replaced keeps its length.
  const text = lines.join("\n");
  const redacted = redactor.redactText(text);
  return redacted === text ? lines : redacted.split("\n");
}
