import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { onTestFinished } from "vitest";

export interface GitServer {
  /** Of the directory that is served. */
  readonly url: string;
  /** Bytes of packs that were sent. */
  sent(): number;
  /** The headers of all requests. */
  readonly requests: readonly IncomingMessage[];
  /** Changes what is answered from now on; `undefined`: as git says it. */
  twist: ((body: Buffer, request: IncomingMessage) => Buffer | undefined) | undefined;
}

export interface GitServerOptions {
  /** What is served, with its repositories. */
  readonly root: string;
  /** `user:password` that is asked for. */
  readonly login?: string | undefined;
  /** Directory that gets a certificate, `authority.pem`; HTTPS is spoken then. */
  readonly secureIn?: string | undefined;
  /** Beginning of paths that are sent on to the same without it. */
  readonly movedFrom?: string | undefined;
}

/** git's own HTTP server. */
export async function gitServer(options: GitServerOptions): Promise<GitServer> {
  const requests: IncomingMessage[] = [];
  let sent = 0;
  const state: Pick<GitServer, "twist"> = { twist: undefined };
  const answer: RequestListener = (request, response) => {
    requests.push(request);
    serve(options, request).then(
      ({ status, headers, body }) => {
        const shown = state.twist === undefined ? body : state.twist(body, request);
        if (request.method === "POST") sent += body.length;
        response.writeHead(status, headers);
        // Cut off in the middle.
        if (shown === undefined) response.write(body.subarray(0, body.length / 2), () => response.destroy());
        else response.end(shown);
      },
      (error: unknown) => fail(response, error),
    );
  };
  const server =
    options.secureIn === undefined ? createServer(answer) : createSecureServer(certificate(options.secureIn), answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  const { port } = server.address() as AddressInfo;
  const scheme = options.secureIn === undefined ? "http" : "https";
  return Object.assign(state, { url: `${scheme}://localhost:${String(port)}`, requests, sent: () => sent });
}

interface Served {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

async function serve({ root, login, movedFrom }: GitServerOptions, request: IncomingMessage): Promise<Served> {
  const url = new URL(request.url ?? "/", "http://localhost");
  if (movedFrom !== undefined && url.pathname.startsWith(movedFrom)) {
    const location = url.pathname.slice(movedFrom.length) + url.search;
    return { status: 301, headers: { location }, body: Buffer.alloc(0) };
  }
  const given = request.headers.authorization;
  if (login !== undefined && given !== `Basic ${Buffer.from(login).toString("base64")}`)
    return { status: 401, headers: { "www-authenticate": 'Basic realm="git"' }, body: Buffer.from("who is it?") };
  const child = spawn("git", ["http-backend"], {
    env: {
      PATH: process.env["PATH"],
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_CONFIG_NOSYSTEM: "1",
      HOME: root,
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      CONTENT_LENGTH: request.headers["content-length"] ?? "",
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  request.pipe(child.stdin);
  const chunks = await Array.fromAsync(child.stdout as AsyncIterable<Buffer>);
  const whole = Buffer.concat(chunks);
  const end = whole.indexOf("\r\n\r\n");
  const headers = Object.fromEntries(
    whole
      .toString("latin1", 0, end)
      .split("\r\n")
      .map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  return { status: Number.parseInt(headers["status"] ?? "200", 10), headers, body: whole.subarray(end + 4) };
}

function fail(response: ServerResponse, error: unknown): void {
  response.writeHead(500);
  response.end(String(error));
}

function certificate(directory: string): { readonly key: Buffer; readonly cert: Buffer } {
  const [key, cert] = [join(directory, "key.pem"), join(directory, "authority.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  execFileSync("openssl", [...args, ...subject, "-keyout", key, "-out", cert], { stdio: "ignore" });
  return { key: readFileSync(key), cert: readFileSync(cert) };
}
