import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";

import { formatAuthority } from "../policy/canonical-host.ts";
import type { ProxyTarget, Refusal } from "../policy/proxy-types.ts";
import type { ClientResponse } from "./client-message.ts";
import type { LocalAnswer } from "./transport-context.ts";

/** Tells a program which refusal it met. */
export const refusalHeader = "clauderon-refusal";

/** What the refused request was about, for the line that leads to the explanation. */
export interface RefusedSubject {
  readonly target?: ProxyTarget | undefined;
  readonly path?: string | undefined;
}

/** The answer that a refused client can read: what, the fix, and the command that explains it. Plain text, which git and curl print as it is. */
export function problemBody(refusal: Refusal, { target, path = "/" }: RefusedSubject = {}): string {
  const url =
    target === undefined ? "URL" : `${target.scheme === "http" ? "http" : "https"}://${authorityOf(target)}${path}`;
  return `clauderon: ${refusal.message}\nfix: ${refusal.fix}\nexplain: clauderon proxy explain '${url.replaceAll("'", "%27")}'\n`;
}

/** `host[:port]` as a URL writes it, without the scheme's own port. */
export function authorityOf(target: Pick<ProxyTarget, "scheme" | "host" | "port">): string {
  return formatAuthority(target, target.scheme === "http" ? 80 : 443);
}

function headersOf(refusal: Refusal, body: string): readonly string[] {
  return [
    ...(refusal.status === 407 ? ["proxy-authenticate", 'Basic realm="clauderon", charset="UTF-8"'] : []),
    refusalHeader,
    refusal.code,
    "content-type",
    "text/plain; charset=utf-8",
    "cache-control",
    "no-store",
    "content-length",
    String(Buffer.byteLength(body)),
  ];
}

/** The same as an answer that was made here. */
export function refusedAnswer(refusal: Refusal, subject: RefusedSubject): LocalAnswer {
  const body = problemBody(refusal, subject);
  const lines = headersOf(refusal, body);
  const headers: Record<string, string> = {};
  for (let index = 0; index < lines.length; index += 2) headers[lines[index] ?? ""] = lines[index + 1] ?? "";
  return { status: refusal.status, headers, body };
}

/** Answers a request that was read whole by the parser; `isFatal` = what follows on the connection is not trusted. */
export function answerRefusal(
  response: ClientResponse,
  refusal: Refusal,
  options: RefusedSubject & { readonly isFatal?: boolean } = {},
): void {
  if (response.headersSent || response.destroyed) return;
  const body = problemBody(refusal, options);
  if (options.isFatal === true) response.shouldKeepAlive = false;
  response.writeHead(refusal.status, [...headersOf(refusal, body)]);
  response.end(response.req.method === "HEAD" ? undefined : body);
  // What is left of the body is read and thrown away: a client that is cut off while it sends never reads the answer.
  response.req.resume();
}

/** Answers on the bare connection (CONNECT, a request that could not be parsed) and ends it. */
export function endWithRefusal(socket: Duplex, refusal: Refusal, subject: RefusedSubject = {}): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = problemBody(refusal, subject);
  const lines = headersOf(refusal, body);
  let head = `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? "Refused"}\r\n`;
  for (let index = 0; index < lines.length; index += 2) head += `${lines[index]}: ${lines[index + 1]}\r\n`;
  socket.end(`${head}connection: close\r\n\r\n${body}`);
  closeAfterAnswer(socket);
}

const lingerMs = 500;

/** Reads on for a moment, so that the answer is not lost to a reset, then closes. */
function closeAfterAnswer(socket: Duplex): void {
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  timer.unref();
  socket.once("close", () => clearTimeout(timer));
  socket.once("end", () => socket.destroy());
  socket.resume();
}

/** Writes an answer that was made here. */
export function answerLocally(response: ClientResponse, { status, headers, body }: LocalAnswer): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { ...headers, "content-length": String(Buffer.byteLength(body)) });
  response.end(response.req.method === "HEAD" ? undefined : body);
  response.req.resume();
}
