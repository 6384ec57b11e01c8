import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";

import { systemClock } from "@clauderon/core/host";

import { SecureContexts } from "../../certificates/secure-contexts.ts";
import { upstreamAuthority } from "../../transport/testing/recording-upstream.fixture.ts";

const contexts = new SecureContexts(upstreamAuthority, { clock: systemClock });

/** Where a registry sends its clients for tokens; absent = it takes the login itself. */
export interface RegistryPlace {
  readonly host: string;
  readonly realm?: { readonly host: string; readonly path: string };
}

export interface RegistryCall {
  readonly host: string;
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly status: number;
}

/** Container registries with token services, at the names of the real ones: one private image `acme/app`, one public `library/hello`. */
export interface ImageRegistry extends AsyncDisposable {
  readonly port: number;
  readonly calls: RegistryCall[];
  /** Every token that was handed out. */
  readonly tokens: string[];
  /** Takes the place of the token service's answer. */
  answerToken: ((response: ServerResponse) => void) | undefined;
}

export interface RegistryLogins {
  readonly places: readonly RegistryPlace[];
  /** `user:password`, good everywhere. */
  readonly login: string;
}

const blob = Buffer.from("a layer\n");
const config = Buffer.from(
  JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] } }),
);
const digestOf = (bytes: Buffer): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: digestOf(config), size: config.length },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest: digestOf(blob), size: blob.length }],
  }),
);
export const imageLayer: Buffer = blob;
/** The same image as containers' tools keep one in a directory. */
export const imageDirectory: Readonly<Record<string, Buffer | string>> = {
  version: "Directory Transport Version: 1.1\n",
  "manifest.json": manifest,
  ...Object.fromEntries([blob, config].map((bytes) => [digestOf(bytes).slice("sha256:".length), bytes])),
};

/** Starts them on one loopback port; the `Host` of a request says which one is asked. */
export async function startImageRegistry({ places, login }: RegistryLogins): Promise<ImageRegistry> {
  const basic = `Basic ${Buffer.from(login).toString("base64")}`;
  const scopes = new Map<string, string>();
  const server = createServer({ SNICallback: (asked, done) => done(null, contexts.get(asked)) });
  server.on("request", (request, response) => {
    request.resume();
    request.on("end", () => serve(request, response));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const registry: ImageRegistry = {
    port: (server.address() as AddressInfo).port,
    calls: [],
    tokens: [],
    answerToken: undefined,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.closeAllConnections();
      server.close();
      await closed;
    },
  };

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const { authorization, host: authority = "" } = request.headers;
    const host = authority.replace(/:\d+$/u, "");
    const url = new URL(request.url ?? "/", `https://${host}`);
    response.on("finish", () => {
      const { method = "" } = request;
      registry.calls.push({ host, method, url: request.url ?? "", authorization, status: response.statusCode });
    });
    const asRealm = places.find(({ realm }) => realm?.host === host && realm.path === url.pathname);
    if (asRealm !== undefined) {
      giveToken(url, authorization, response);
      return;
    }
    const place = places.find((entry) => entry.host === host);
    if (place === undefined) response.writeHead(404).end();
    else serveImages(place, { url, authorization, method: request.method ?? "" }, response);
  }

  function giveToken(url: URL, authorization: string | undefined, response: ServerResponse): void {
    const scope = url.searchParams.get("scope") ?? "";
    const isPublic = /^(?:repository:library\/hello:pull)?$/u.test(scope);
    if (registry.answerToken !== undefined) registry.answerToken(response);
    else if (authorization !== basic && (authorization !== undefined || !isPublic))
      response
        .writeHead(401, { "content-type": "application/json" })
        .end('{"details":"incorrect username or password"}');
    else {
      const token = `REAL-${randomBytes(200).toString("base64url")}`;
      scopes.set(token, scope);
      registry.tokens.push(token);
      const answer = { token, access_token: token, expires_in: 300, refresh_token: `REAL-REFRESH-${token}` };
      response.writeHead(200, { "content-type": "application/json", "set-cookie": `session=${token}` });
      response.end(JSON.stringify(answer));
    }
  }

  function serveImages(
    place: RegistryPlace,
    asked: { readonly url: URL; readonly authorization: string | undefined; readonly method: string },
    response: ServerResponse,
  ): void {
    const [, repository = "", kind = "", reference = ""] =
      /^\/v2\/(?:(.+)\/(manifests|blobs)\/(.+))?$/u.exec(asked.url.pathname) ?? [];
    const isWrite = asked.method !== "GET" && asked.method !== "HEAD";
    const wanted = repository === "" ? "" : `repository:${repository}:pull${isWrite ? ",push" : ""}`;
    if (!isAllowed(place, asked.authorization, wanted)) {
      challenge(place, wanted, response);
      return;
    }
    if (isWrite) response.writeHead(202, { location: `${asked.url.pathname}x` }).end();
    else if (repository === "") response.writeHead(200, { "content-type": "application/json" }).end("{}");
    else if (kind === "manifests") send(response, manifest, "application/vnd.oci.image.manifest.v1+json");
    else {
      const found = [blob, config].find((bytes) => digestOf(bytes) === reference);
      if (found === undefined) response.writeHead(404).end();
      else send(response, found, "application/octet-stream");
    }
  }

  function isAllowed(place: RegistryPlace, authorization: string | undefined, wanted: string): boolean {
    if (place.realm === undefined) return authorization === basic;
    const granted = scopes.get(authorization?.replace(/^Bearer /u, "") ?? "");
    if (granted === undefined) return false;
    return wanted === "" || granted === wanted || granted === `${wanted},push`;
  }

  function challenge(place: RegistryPlace, wanted: string, response: ServerResponse): void {
    const scope = wanted === "" ? "" : `,scope="${wanted}"`;
    const bearer = `Bearer realm="https://${place.realm?.host}${place.realm?.path}",service="${place.host}"${scope}`;
    response.writeHead(401, {
      "www-authenticate": place.realm === undefined ? `Basic realm="${place.host}"` : bearer,
      "content-type": "application/json",
    });
    response.end('{"errors":[{"code":"UNAUTHORIZED"}]}');
  }
  return registry;
}

function send(response: ServerResponse, bytes: Buffer, type: string): void {
  const headers = { "content-type": type, "content-length": bytes.length, "docker-content-digest": digestOf(bytes) };
  response.writeHead(200, headers);
  response.end(response.req.method === "HEAD" ? undefined : bytes);
}
