import { formatAuthority, parseAuthority } from "./canonical-host.ts";
import { canonicalPath } from "./canonical-path.ts";
import type { ProxyHeader, ProxyRequest, ProxyTarget, Refusal } from "./proxy-types.ts";
import { isRefusal, quoted, refuse } from "./refusal.ts";

/** A request line with its headers, as received. */
export interface RequestLine {
  readonly method: string;
  /** Inside a tunnel the origin form (`/path?query`; for HTTP/2 the `:path`), at the proxy's own port the absolute form. */
  readonly target: string;
  /** As received, in order; for HTTP/2 the `:authority` as a `host` header. */
  readonly headers: readonly ProxyHeader[];
  readonly isUpgrade: boolean;
  /** What the CONNECT around the request named; absent at the proxy's own port. */
  readonly tunnel?: ProxyTarget | undefined;
}

const longestTarget = 16_384;
const methodToken = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,32}$/;
const headerName = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const defaultPorts = { http: 80, https: 443, tcp: 0 } as const;

/** The target of a CONNECT, `HOST:PORT`; its scheme is `tcp` until someone looks into the bytes. */
export function parseConnectTarget(text: string): ProxyTarget | Refusal {
  const authority = parseAuthority(text);
  return isRefusal(authority) ? authority : { scheme: "tcp", ...authority };
}

/**
 * A request in canonical form, or why it is none: exactly one `Host` that agrees with the tunnel (else 421), no nested CONNECT, no absolute form inside a tunnel,
 * no ambiguous path. Only what this returns may be decided on and sent.
 */
export function parseRequestTarget(line: RequestLine): ProxyRequest | Refusal {
  const { method, headers, isUpgrade } = line;
  if (!methodToken.test(method)) return badRequest("method-malformed", `The method ${quoted(method)} is not a token`);
  if (method === "CONNECT") return badRequest("nested-connect", "A CONNECT inside a request is not accepted");
  const parts = splitTarget(line);
  if (isRefusal(parts)) return parts;
  const path = canonicalPath(parts.path);
  if (isRefusal(path)) return path;
  if (!/^[\u0021-\u007e]*$/.test(parts.query)) {
    return badRequest("query-malformed", "The query holds characters that must be percent-encoded");
  }
  const refusal = checkHeaders(headers, parts.target);
  if (refusal !== undefined) return refusal;
  return { target: parts.target, method, path, query: parts.query, headers, isUpgrade };
}

interface TargetParts {
  readonly target: ProxyTarget;
  readonly path: string;
  readonly query: string;
}

function splitTarget({ target, tunnel }: RequestLine): TargetParts | Refusal {
  if (target.length > longestTarget) {
    return refuse(414, "target-too-long", {
      message: "The request target is too long",
      fix: `keep it below ${longestTarget} characters`,
    });
  }
  if (tunnel !== undefined) {
    const parts = /^(\/[^?#]*)(?:\?([^#]*))?$/.exec(target);
    if (parts === null) return badRequest("target-malformed", "Inside a tunnel the target must be a path");
    const scheme = tunnel.scheme === "tcp" ? "https" : tunnel.scheme;
    return { target: { ...tunnel, scheme }, path: parts[1] ?? "", query: parts[2] ?? "" };
  }
  const parts = /^(https?):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?$/i.exec(target);
  if (parts === null) {
    return badRequest("target-malformed", "A request to the proxy must name its target as http://HOST/PATH");
  }
  const scheme = parts[1]?.toLowerCase() === "https" ? "https" : "http";
  const authority = parseAuthority(parts[2] ?? "", defaultPorts[scheme]);
  if (isRefusal(authority)) return authority;
  return { target: { scheme, ...authority }, path: parts[3] === "" ? "/" : (parts[3] ?? "/"), query: parts[4] ?? "" };
}

function checkHeaders(headers: readonly ProxyHeader[], target: ProxyTarget): Refusal | undefined {
  const hosts: string[] = [];
  for (const { name, value } of headers) {
    if (!headerName.test(name) || /[\0\r\n]/.test(value)) {
      return badRequest("header-malformed", `The header ${quoted(name)} holds characters that HTTP forbids`);
    }
    if (name.length === 4 && name.toLowerCase() === "host") hosts.push(value);
  }
  const [host] = hosts;
  if (host === undefined) return badRequest("host-missing", "The request has no Host header");
  if (hosts.length === 1 && isSameAuthority(host, target)) return undefined;
  return refuse(421, "host-mismatch", {
    message: `The Host header ${quoted(hosts.join(", "))} is not the target ${formatAuthority(target)}`,
    fix: "send one Host header that names the host of the connection",
  });
}

function isSameAuthority(host: string, target: ProxyTarget): boolean {
  const defaultPort = defaultPorts[target.scheme];
  // An IPv6 address stands in brackets in a Host header, so it is never equal.
  const isName = !target.host.includes(":");
  if (isName && (target.port === defaultPort ? host === target.host : host === `${target.host}:${target.port}`))
    return true;
  const named = parseAuthority(host, defaultPort);
  return !isRefusal(named) && named.host === target.host && named.port === target.port;
}

function badRequest(code: string, message: string): Refusal {
  return refuse(400, code, { message, fix: "send the request as RFC 9112 writes it" });
}
