import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import path from "node:path";
import { createGunzip } from "node:zlib";

/** Makes bare repositories below a directory that anybody may push to. */
export function makeBareRepositories(directory: string, names: readonly string[], from: string): void {
  for (const name of names) {
    const bare = path.join(directory, name);
    execFileSync("git", ["clone", "--quiet", "--bare", from, bare]);
    execFileSync("git", ["--git-dir", bare, "config", "http.receivepack", "true"]);
  }
}

/** What a branch of a bare repository points to; empty when there is none. */
export function branchOf(repository: string, branch: string): string {
  const args = ["--git-dir", repository, "for-each-ref", "--format=%(objectname)", `refs/heads/${branch}`];
  return execFileSync("git", args, { encoding: "utf8" }).trim();
}

/** Answers with `git http-backend` (RFC 3875). */
export async function serveGit(directory: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://host");
  const backend = spawn("git", ["http-backend"], {
    env: {
      PATH: process.env["PATH"],
      GIT_PROJECT_ROOT: directory,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers["content-type"],
      GIT_PROTOCOL: request.headers["git-protocol"]?.toString(),
      REMOTE_USER: "somebody",
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  backend.stdin.on("error", () => undefined);
  const isCompressed = request.headers["content-encoding"] === "gzip";
  (isCompressed ? request.pipe(createGunzip()) : request).pipe(backend.stdin);
  const chunks: Buffer[] = [];
  backend.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(backend, "close");
  const output = Buffer.concat(chunks);
  const end = output.indexOf("\r\n\r\n");
  const pairs = output
    .toString("latin1", 0, end)
    .split("\r\n")
    .map((line): [string, string] => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
  const { Status: status = "200", ...headers } = Object.fromEntries(pairs);
  response.writeHead(Number.parseInt(status, 10), headers).end(output.subarray(end + 4));
}
