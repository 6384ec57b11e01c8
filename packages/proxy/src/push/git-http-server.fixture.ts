import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { createPushGuard, type PushGuardResult } from "./create-push-guard.ts";
import { receivePackDenied, type PushAnswer } from "./push-answer.ts";
import { scope } from "./push-body.fixture.ts";
import { pushRequestDecoder } from "./push-request-decoder.ts";

export interface GitResult {
  readonly exitCode: number;
  readonly output: string;
}

/** A bare repository behind `git http-backend`, with the push guard in front, and a clone of it. */
export interface GitServer extends AsyncDisposable {
  readonly directory: string;
  /** The guarded address of the repository. */
  readonly url: string;
  /** The largest number of bytes in flight that the guard kept back from the backend. */
  readonly mostHeld: () => number;
  /** Runs git in the clone, or elsewhere. */
  git(argv: readonly string[], cwd?: string): Promise<GitResult>;
  /** Variables for git from now on. */
  extendEnvironment(variables: Readonly<Record<string, string>>): void;
  /** Makes a key that git can sign with; false where there is no program for it. */
  keygen(path: string): Promise<boolean>;
}

const run = promisify(execFile);

export interface GitServerOptions {
  /** Default true. Without it the server is what stands behind a proxy. */
  readonly isGuarded?: boolean;
  /** Told of each request. */
  readonly onRequest?: (request: IncomingMessage) => void;
}

export async function startGitServer(options: GitServerOptions = {}): Promise<GitServer> {
  const { isGuarded = true, onRequest } = options;
  const directory = await mkdtemp(join(tmpdir(), "clauderon-push-"));
  let mostHeld = 0;
  const onHeld = (bytes: number): void => {
    mostHeld = Math.max(mostHeld, bytes);
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    onRequest?.(request);
    void serveGit(request, response, { directory, isGuarded, onHeld });
  };
  const server = createServer(listener);
  const url = `http://127.0.0.1:${await listen(server)}/acme/app.git`;
  const environment: Record<string, string | undefined> = {
    PATH: process.env["PATH"],
    HOME: directory,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    LC_ALL: "C",
  };
  const git = async (argv: readonly string[], cwd = join(directory, "clone")): Promise<GitResult> => {
    try {
      const { stdout, stderr } = await run("git", [...argv], { cwd, env: environment, maxBuffer: 1 << 24 });
      return { exitCode: 0, output: stdout + stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { exitCode: code, output: stdout + stderr };
    }
  };
  await writeFile(
    join(directory, ".gitconfig"),
    "[user]\nname = A U Thor\nemail = author@example.com\n[init]\ndefaultBranch = main\n",
  );
  const bare = join(directory, "acme/app.git");
  await git(["init", "--quiet", "--bare", bare], directory);
  await git(["--git-dir", bare, "config", "http.receivepack", "true"], directory);
  await git(["--git-dir", bare, "config", "receive.advertisePushOptions", "true"], directory);
  await git(["init", "--quiet", "clone"], directory);
  await git(["commit", "--quiet", "--allow-empty", "--message=first"]);
  await git(["push", "--quiet", bare, "main", "main:other"]);
  await git(["remote", "add", "origin", url]);
  await git(["checkout", "--quiet", "-b", "clauderon/fix"]);
  return {
    directory,
    url,
    mostHeld: () => mostHeld,
    git,
    extendEnvironment: (variables) => Object.assign(environment, variables),
    keygen: async (path) => {
      try {
        await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path]);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
        throw error;
      }
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await rm(directory, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

export interface ServeOptions {
  readonly directory: string;
  readonly isGuarded: boolean;
  readonly onHeld: (bytes: number) => void;
}

/** Hands one request to `git http-backend`. */
export async function serveGit(
  request: IncomingMessage,
  response: ServerResponse,
  options: ServeOptions,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://host");
  if (options.isGuarded && !url.pathname.startsWith("/acme/app.git/")) {
    send(response, receivePackDenied(`clauderon: this session may push only to ${scope.repository}`));
    return;
  }
  const backend = spawn("git", ["http-backend"], {
    env: {
      PATH: process.env["PATH"],
      GIT_PROJECT_ROOT: options.directory,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers["content-type"],
      GIT_PROTOCOL: request.headers["git-protocol"]?.toString(),
      REMOTE_USER: "session",
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  backend.stdin.on("error", () => undefined);
  if (options.isGuarded && url.pathname.endsWith("/git-receive-pack")) {
    const refused = await guard(request, backend.stdin, options.onHeld);
    if (refused !== undefined) {
      backend.kill();
      await discard(request);
      send(response, refused);
      return;
    }
  } else {
    const decoder = pushRequestDecoder(request.headers["content-encoding"]);
    (decoder === undefined || decoder === "identity" ? request : request.pipe(decoder)).pipe(backend.stdin);
  }
  await answer(backend.stdout, response);
}

async function guard(
  request: IncomingMessage,
  upstream: NodeJS.WritableStream,
  onHeld: (bytes: number) => void,
): Promise<PushAnswer | undefined> {
  const pushGuard = createPushGuard(scope);
  const decoder = pushRequestDecoder(request.headers["content-encoding"]);
  if (decoder === undefined) return { status: 415, headers: {}, body: Buffer.from("unknown content encoding\n") };
  let held = 0;
  const apply = async (result: PushGuardResult): Promise<PushAnswer | undefined> => {
    if (result.kind === "refuse") return result.answer;
    for (const chunk of result.chunks) {
      held -= chunk.length;
      if (!upstream.write(chunk)) await once(upstream, "drain");
    }
    onHeld(held);
    return undefined;
  };
  const body = decoder === "identity" ? request : request.pipe(decoder);
  for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    held += chunk.length;
    const refused = await apply(pushGuard.write(chunk));
    if (refused !== undefined) return refused;
  }
  const refused = await apply(pushGuard.end());
  if (refused === undefined) upstream.end();
  return refused;
}

/** A CGI answer: headers, an empty line, the body. */
async function answer(output: NodeJS.ReadableStream, response: ServerResponse): Promise<void> {
  let head = Buffer.alloc(0);
  for await (const chunk of output) {
    if (response.headersSent) {
      response.write(chunk);
      continue;
    }
    head = Buffer.concat([head, Buffer.from(chunk)]);
    const end = head.indexOf("\r\n\r\n");
    if (end === -1) continue;
    const headers = head.toString("latin1", 0, end).split("\r\n");
    const pairs = headers.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
    const { Status: status = "200", ...others } = Object.fromEntries(pairs) as Record<string, string>;
    response.writeHead(Number.parseInt(status, 10), others);
    response.write(head.subarray(end + 4));
  }
  response.end();
}

async function discard(request: IncomingMessage): Promise<void> {
  request.resume();
  if (!request.readableEnded) await once(request, "end");
}

function send(response: ServerResponse, { status, headers, body }: PushAnswer): void {
  response.writeHead(status, headers).end(body);
}
