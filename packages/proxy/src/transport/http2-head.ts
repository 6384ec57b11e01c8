import type { ProxyHeader, Refusal } from "../policy/proxy-types.ts";
import { refuse } from "../policy/refusal.ts";
import type { ClientRequest } from "./client-message.ts";
import type { ProxyLimits } from "./limits.ts";
import type { RequestHead } from "./request-head.ts";

/** The head of an HTTP/2 request in the terms of HTTP/1.1, which everything is decided in. */
export interface Http2Head {
  readonly request: ClientRequest;
  readonly head: RequestHead | Refusal;
}

const pseudoNames: ReadonlySet<string> = new Set([":authority", ":method", ":path", ":scheme"]);
/** Mean one connection of HTTP/1.1; a request that has one is malformed (RFC 9113 §8.2.2). */
const connectionNames: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);
const digits = /^\d{1,15}$/u;

/** Reads the lines as they came. Node has refused most of what is malformed with a reset; nothing is taken for granted here all the same. */
export function readHttp2Head(
  rawHeaders: readonly string[],
  { limits, hasBody }: { readonly limits: ProxyLimits; readonly hasBody: boolean },
): Http2Head {
  const pseudo = new Map<string, string>();
  const lines: ProxyHeader[] = [];
  let problem: string | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    const value = rawHeaders[index + 1] ?? "";
    if (name.startsWith(":")) {
      if (!pseudoNames.has(name)) problem ??= `its ${name}`;
      if (pseudo.has(name) || lines.length > 0) problem ??= "its pseudo-headers";
      pseudo.set(name, value);
      continue;
    }
    if (name !== name.toLowerCase() || connectionNames.has(name)) problem ??= `its header ${name.toLowerCase()}`;
    if (name === "te" && value.toLowerCase() !== "trailers") problem ??= "its TE";
    lines.push({ name, value });
  }
  const headers = [...hostLines(pseudo.get(":authority"), lines), ...joinCookies(lines)];
  const path = pseudo.get(":path") ?? "";
  const request: ClientRequest = {
    httpVersion: "2.0",
    httpVersionMajor: 2,
    httpVersionMinor: 0,
    method: pseudo.get(":method") ?? "",
    url: path,
    rawHeaders: headers.flatMap(({ name, value }) => [name, value]),
  };
  if (pseudo.get(":scheme") !== "https" && request.method !== "CONNECT") problem ??= "its :scheme";
  const lengths = lines.filter(({ name }) => name === "content-length");
  const [length] = lengths;
  if (lengths.length > 1 || (length !== undefined && !digits.test(length.value))) problem ??= "its Content-Length";
  const contentLength = length === undefined ? undefined : Number(length.value);
  if (!hasBody && contentLength !== undefined && contentLength > 0) problem ??= "its Content-Length without a body";
  const refusal = problem === undefined ? sizeRefusal(lines.length, path, limits) : malformed(problem);
  if (refusal !== undefined) return { request, head: refusal };
  const encodings = lines.filter(({ name }) => name === "content-encoding").map(({ value }) => value);
  return {
    request,
    head: {
      headers,
      names: headers.map(({ name }) => name),
      connectionOptions: [],
      hasBody,
      contentLength,
      acceptsTrailers: lines.some(({ name }) => name === "te"),
      upgrade: undefined,
      contentEncoding: encodings.length === 0 ? undefined : encodings.join(","),
    },
  };
}

/** `:authority` is the request's `Host`. A second one that says the same is left out; one that differs stays, and is refused with the others. */
function hostLines(authority: string | undefined, lines: readonly ProxyHeader[]): readonly ProxyHeader[] {
  const hosts = lines.filter(({ name, value }) => name === "host" && value !== authority);
  return authority === undefined ? hosts : [{ name: "host", value: authority }, ...hosts];
}

/** Clients may send a cookie in crumbs; others than HTTP/2 know one line alone (RFC 9113 §8.2.3). */
function joinCookies(lines: readonly ProxyHeader[]): readonly ProxyHeader[] {
  const others = lines.filter(({ name }) => name !== "host" && name !== "cookie");
  const crumbs = lines.filter(({ name }) => name === "cookie").map(({ value }) => value);
  return crumbs.length === 0 ? others : [...others, { name: "cookie", value: crumbs.join("; ") }];
}

function malformed(what: string): Refusal {
  return refuse(400, "message-ambiguous", {
    message: `The request can be read in more than one way: ${what}`,
    fix: "send HTTP/2 as RFC 9113 writes it",
  });
}

function sizeRefusal(lineCount: number, path: string, limits: ProxyLimits): Refusal | undefined {
  const what =
    lineCount > limits.headerCount
      ? `more than ${limits.headerCount} header lines`
      : path.length > limits.requestTargetBytes
        ? `a target of more than ${limits.requestTargetBytes} bytes`
        : undefined;
  if (what === undefined) return undefined;
  return refuse(431, "head-too-large", {
    message: `The request's head is too large: ${what}`,
    fix: "send fewer or shorter headers",
  });
}
