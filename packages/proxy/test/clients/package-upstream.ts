import { createHash } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";

import { systemClock } from "@clauderon/core/host";

import { SecureContexts } from "../../src/certificates/secure-contexts.ts";
import { upstreamAuthority } from "../../src/transport/testing/recording-upstream.fixture.ts";
import { tarball, zip } from "./archives.ts";

const contexts = new SecureContexts(upstreamAuthority, { clock: systemClock });

/** A request that arrived, with what it carried. */
export interface SeenRequest {
  readonly host: string;
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
}

export type Serve = (request: IncomingMessage, response: ServerResponse) => void;

export interface TlsUpstream extends AsyncDisposable {
  readonly port: number;
  readonly seen: SeenRequest[];
}

/** A server with TLS for any name, which says by the `Host` of a request who serves it. */
export async function startTlsUpstream(hosts: Readonly<Record<string, Serve>>): Promise<TlsUpstream> {
  const seen: SeenRequest[] = [];
  const server = createServer({ SNICallback: (asked, done) => done(null, contexts.get(asked)) });
  server.on("request", (request, response) => {
    const host = (request.headers.host ?? "").replace(/:\d+$/u, "");
    const { method = "", url = "" } = request;
    seen.push({ host, method, url, authorization: request.headers.authorization });
    const serve = hosts[host];
    if (serve === undefined) response.writeHead(404).end();
    else serve(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.closeAllConnections();
      server.close();
      await closed;
    },
  };
}

/** Serves these paths to whoever has the credential. */
export function servePaths(authorization: string, paths: Readonly<Record<string, Buffer | string>>): Serve {
  return (request, response) => {
    const path = (request.url ?? "").split("?")[0] ?? "";
    const found = paths[path];
    if (request.headers.authorization !== authorization) response.writeHead(401).end("who are you?\n");
    else if (found === undefined) response.writeHead(404).end("not here\n");
    else response.writeHead(200, { "content-type": typeOf(path) }).end(found);
  };
}

function typeOf(path: string): string {
  if (path.includes("/simple/")) return "text/html";
  return /(?:\.tgz|\.whl|\.zip|\/download)$/u.test(path) ? "application/octet-stream" : "application/json";
}

const digest = (bytes: Buffer, algorithm: string, encoding: "hex" | "base64"): string =>
  createHash(algorithm).update(bytes).digest(encoding);

/** A private npm registry with one package, `corp-demo`. */
export function npmRegistry(host: string, authorization: string): Serve {
  const packed = tarball({
    "package/package.json": JSON.stringify({ name: "corp-demo", version: "1.0.0", main: "index.js" }),
    "package/index.js": "module.exports = 'from npm';\n",
  });
  const dist = {
    tarball: `https://${host}/corp-demo/-/corp-demo-1.0.0.tgz`,
    integrity: `sha512-${digest(packed, "sha512", "base64")}`,
    shasum: digest(packed, "sha1", "hex"),
  };
  const version = { name: "corp-demo", version: "1.0.0", dist };
  return servePaths(authorization, {
    "/corp-demo": JSON.stringify({
      name: "corp-demo",
      "dist-tags": { latest: "1.0.0" },
      versions: { "1.0.0": version },
    }),
    "/corp-demo/-/corp-demo-1.0.0.tgz": packed,
  });
}

/** A private Python index with one wheel, `corp-demo`. */
export function pythonIndex(authorization: string): Serve {
  const info = "corp_demo-1.0.0.dist-info";
  const wheel = zip({
    "corp_demo.py": "text = 'from pip'\n",
    [`${info}/METADATA`]: "Metadata-Version: 2.1\nName: corp-demo\nVersion: 1.0.0\n",
    [`${info}/WHEEL`]: "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    [`${info}/RECORD`]: "",
  });
  const name = "corp_demo-1.0.0-py3-none-any.whl";
  return servePaths(authorization, {
    "/simple/corp-demo/": `<a href="/files/${name}#sha256=${digest(wheel, "sha256", "hex")}">${name}</a>\n`,
    [`/files/${name}`]: wheel,
  });
}

/** A private cargo registry with one crate, `corpdemo`. */
export function cargoRegistry(host: string, authorization: string): Serve {
  const crate = tarball({
    "corpdemo-1.0.0/Cargo.toml": '[package]\nname = "corpdemo"\nversion = "1.0.0"\nedition = "2021"\n',
    "corpdemo-1.0.0/src/lib.rs": 'pub fn text() -> &\'static str { "from cargo" }\n',
  });
  const cksum = digest(crate, "sha256", "hex");
  return servePaths(authorization, {
    "/index/config.json": JSON.stringify({
      dl: `https://${host}/crates/{crate}/{version}/download`,
      api: `https://${host}`,
      "auth-required": true,
    }),
    "/index/co/rp/corpdemo": `${JSON.stringify({ name: "corpdemo", vers: "1.0.0", deps: [], cksum, features: {}, yanked: false })}\n`,
    "/crates/corpdemo/1.0.0/download": crate,
  });
}

/** A private Go module proxy with one module, `corp.example/demo`. */
export function goProxy(authorization: string): Serve {
  const mod = "module corp.example/demo\n";
  const root = "corp.example/demo@v1.0.0";
  return servePaths(authorization, {
    "/corp.example/demo/@v/v1.0.0.info": JSON.stringify({ Version: "v1.0.0", Time: "2026-01-01T00:00:00Z" }),
    "/corp.example/demo/@v/v1.0.0.mod": mod,
    "/corp.example/demo/@v/v1.0.0.zip": zip({ [`${root}/go.mod`]: mod, [`${root}/demo.go`]: "package demo\n" }),
  });
}
