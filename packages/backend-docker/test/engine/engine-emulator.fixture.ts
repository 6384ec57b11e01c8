/** An engine of the documented protocol on a Unix socket: what of it can be known without one. Started as a process of its own; `POST /_emulator/become` says what it is. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

import type { Answer, EmulatedImage, EngineScenario, SeenRequest } from "./engine-scenario.ts";

const [socket = ""] = process.argv.slice(2);
let scenario: EngineScenario = {};
let seen: SeenRequest[] = [];
let images = new Map<string, EmulatedImage>();

function send(response: ServerResponse, { status = 200, body, headers }: Answer): void {
  const isText = typeof body === "string";
  response.writeHead(status, {
    "content-type": isText ? "text/plain; charset=utf-8" : "application/json",
    "api-version": scenario.version?.ApiVersion ?? "1.52",
    ostype: "linux",
    server: "Docker/29.7.2 (linux)",
    ...scenario.pingHeaders,
    ...headers,
  });
  response.end(body === undefined ? "" : isText ? body : JSON.stringify(body));
}

const failure = (status: number, message: string): Answer => ({ status, body: { message } });

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  const content = Buffer.concat(chunks).toString();
  return content === "" ? undefined : JSON.parse(content);
}

/** Lines of a pull, some of them in pieces, with a pause between: as a network brings them. */
async function pull(response: ServerResponse, url: URL): Promise<void> {
  const reference = `${url.searchParams.get("fromImage") ?? ""}:${url.searchParams.get("tag") ?? ""}`;
  const planned = scenario.pulls?.[reference];
  if (planned === undefined)
    return send(
      response,
      failure(404, `pull access denied for ${reference}, repository does not exist or may require 'docker login'`),
    );
  if (planned.status !== undefined) return send(response, failure(planned.status, planned.error ?? "failed"));
  response.writeHead(200, { "content-type": "application/json" });
  const lines = planned.lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\r\n`).join("");
  const middle = Math.floor(lines.length / 2);
  response.write(lines.slice(0, middle));
  await new Promise((resolve) => setImmediate(resolve));
  response.write(lines.slice(middle));
  if (planned.isEndless === true) return;
  if (planned.image !== undefined) images.set(planned.imageName ?? reference, planned.image);
  response.end();
}

function refusesVersion(version: string | undefined): Answer | undefined {
  const { ApiVersion = "1.52", MinAPIVersion = "1.44" } = scenario.version ?? {};
  const minor = (word: string): number => Number(word.split(".")[1]);
  if (version === undefined) return undefined;
  if (minor(version) < minor(MinAPIVersion))
    return failure(
      400,
      `client version ${version} is too old. Minimum supported API version is ${MinAPIVersion}, please upgrade your client to a newer version`,
    );
  if (minor(version) > minor(ApiVersion))
    return failure(400, `client version ${version} is too new. Maximum supported API version is ${ApiVersion}`);
  return undefined;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://engine");
  if (url.pathname === "/_emulator/seen") return send(response, { body: seen });
  if (url.pathname === "/_emulator/become") {
    scenario = (await bodyOf(request)) as EngineScenario;
    images = new Map(Object.entries(scenario.images ?? {}));
    seen = [];
    return send(response, {});
  }
  const [, version, path = url.pathname] = /^\/v(\d+\.\d+)(\/.*)$/u.exec(url.pathname) ?? [];
  const body = await bodyOf(request);
  seen.push({
    method: request.method ?? "",
    version,
    path,
    query: Object.fromEntries(url.searchParams),
    body,
    registryAuth: request.headers["x-registry-auth"] as string | undefined,
  });
  if (scenario.behaviour === "hang") return;
  if (scenario.behaviour === "hang-up") return void request.socket.destroy();
  if (scenario.behaviour === "cut-answer") {
    response.writeHead(200, { "content-length": "1000" });
    response.write("{");
    setImmediate(() => request.socket.destroy());
    return;
  }
  const refused = refusesVersion(version);
  if (refused !== undefined) return send(response, refused);
  const planned = scenario.answers?.[`${request.method ?? ""} ${path}`];
  if (planned !== undefined) return send(response, planned);
  if (path === "/_ping") return send(response, { body: "OK" });
  if (path === "/version")
    return send(response, {
      body: {
        Version: "29.7.2",
        Os: "linux",
        Arch: "amd64",
        ApiVersion: "1.52",
        MinAPIVersion: "1.44",
        ...scenario.version,
      },
    });
  if (path === "/info")
    return send(response, {
      body: {
        NCPU: 2,
        MemTotal: 4_294_967_296,
        OperatingSystem: "Debian",
        SecurityOptions: ["name=seccomp,profile=builtin"],
        ...scenario.info,
      },
    });
  if (path === "/images/create") return pull(response, url);
  const [, reference] = /^\/images\/(.+)\/json$/u.exec(path) ?? [];
  const image = reference === undefined ? undefined : images.get(decodeURIComponent(reference));
  if (reference !== undefined)
    return send(
      response,
      image === undefined
        ? failure(404, `No such image: ${reference}`)
        : { body: { Id: "sha256:1", Os: "linux", Architecture: "amd64", ...image } },
    );
  send(response, failure(404, "page not found"));
}

createServer((request, response) => void answer(request, response)).listen(socket, () =>
  process.stdout.write("listening\n"),
);
