import { createHash, timingSafeEqual } from "node:crypto";

import { RequestError, type ClauderonError } from "@clauderon/core/contract";

/** The first line and headers of a request, as they came over the wire. */
export interface RequestHead {
  readonly method: string;
  /** The target as written: `/path`, `http://host/path`, `host:port`, `*`. */
  readonly target: string;
  /** Names and values by turns, repeated ones included. */
  readonly rawHeaders: readonly string[];
}

export interface AdmissionPolicy {
  readonly port: number;
  readonly token: string;
}

export type Admission =
  | { readonly isAdmitted: true }
  | { readonly isAdmitted: false; readonly status: number; readonly error: ClauderonError };

const MIB = 1024 * 1024;
const BODY_BYTES = 8 * MIB;
/** A file and what is around it in its form. */
const UPLOAD_BYTES = 33 * MIB;
const admitted: Admission = { isAdmitted: true };

/** Whether the target is the whole address of something else: the request is meant for a proxy. */
export function isProxyTarget(target: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(target);
}

/**
 * Whether a request may reach a route. One function for requests and upgrades. Only what is proven is admitted: a loopback `Host` with our port, no
 * foreign page behind it, and the token. Nothing a client says about where it comes from (`Forwarded`, `X-Forwarded-For`) is read.
 */
export function admit(head: RequestHead, policy: AdmissionPolicy): Admission {
  if (head.method === "CONNECT" || !head.target.startsWith("/")) return refuse(503, noProxy());
  if (head.target.startsWith("//")) return refuse(400, refused("The target begins with two slashes", "//"));
  const hosts = values(head, "host");
  const [host] = hosts;
  if (hosts.length !== 1 || host === undefined || !allowedHosts(policy.port).has(host)) {
    return refuse(403, refused("The Host header is not this daemon's", hosts.join(", ")));
  }
  const origins = values(head, "origin");
  if (origins.length > 1 || (origins.length === 1 && origins[0] !== `http://${host}`)) {
    return refuse(403, refused("The request comes from a page of another origin", origins.join(", ")));
  }
  const sites = values(head, "sec-fetch-site");
  if (sites.some((site) => site !== "same-origin" && site !== "none")) {
    return refuse(403, refused("The request comes from a page of another site", sites.join(", ")));
  }
  if (isPublic(head)) return admitted;
  const [authorization, ...others] = values(head, "authorization");
  if (others.length > 0 || !isToken(authorization, policy.token)) return refuse(401, unauthenticated(head, policy));
  return admitBody(head);
}

/** A body's length is known before it is read. */
function admitBody(head: RequestHead): Admission {
  if (values(head, "transfer-encoding").length > 0) {
    return refuse(411, refused("The request's length is not known", "Transfer-Encoding"));
  }
  const limit = isUpload(head) ? UPLOAD_BYTES : BODY_BYTES;
  const lengths = values(head, "content-length");
  return lengths.some((length) => Number(length) > limit) ? refuse(413, tooLarge(limit)) : admitted;
}

function isUpload({ method, target }: RequestHead): boolean {
  return method === "POST" && /^\/api\/sessions\/[^/?#]+\/upload$/u.test(target);
}

/** The one route that needs no token; it tells nothing that a port scan does not. */
function isPublic(head: RequestHead): boolean {
  return (head.method === "GET" || head.method === "HEAD") && head.target === "/healthz";
}

function allowedHosts(port: number): ReadonlySet<string> {
  return new Set(["localhost", "127.0.0.1", "[::1]"].map((name) => `${name}:${port}`));
}

function values(head: RequestHead, name: string): readonly string[] {
  const found: string[] = [];
  for (let index = 0; index + 1 < head.rawHeaders.length; index += 2) {
    if (head.rawHeaders[index]?.toLowerCase() === name) found.push(head.rawHeaders[index + 1] ?? "");
  }
  return found;
}

/** Compares digests of equal length, in constant time. */
function isToken(authorization: string | undefined, token: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(authorization ?? ""), digest(`Bearer ${token}`));
}

function refuse(status: number, error: ClauderonError): Admission {
  return { isAdmitted: false, status, error };
}

function noProxy(): RequestError {
  return new RequestError({
    message: "This port answers no proxy requests",
    why: "the credential proxy is switched off: [proxy] enabled = false",
    fix: [
      "switch it on: clauderon config set proxy.enabled true && clauderon daemon restart",
      "or remove this address from HTTP_PROXY and HTTPS_PROXY, and reach the host directly",
    ],
  });
}

function tooLarge(limit: number): RequestError {
  return new RequestError({
    code: "request.too-large",
    message: `The request's body is larger than ${limit / MIB} MiB`,
    fix: ["send large input to a command through the streaming form of exec"],
  });
}

function refused(message: string, found: string): RequestError {
  return new RequestError({
    message,
    ...(found === "" ? {} : { why: `found ${JSON.stringify(found.slice(0, 200))}` }),
    fix: ["use the address that `clauderon url` prints"],
  });
}

function unauthenticated(head: RequestHead, policy: AdmissionPolicy): RequestError {
  const path = /^[\w/.~-]*/.exec(head.target)?.[0] ?? "/";
  const method = /^[A-Z]+$/.test(head.method) && head.method !== "GET" ? `-X ${head.method} ` : "";
  return new RequestError({
    code: "authentication.required",
    message: "This needs the token of the daemon",
    why: "there is no `Authorization: Bearer TOKEN` header, or its token is another one",
    fix: [
      `curl ${method}-H "$(clauderon url --header)" http://127.0.0.1:${policy.port}${path}`,
      "the token lies in the file `token` of clauderon's home, for its owner alone",
    ],
  });
}
