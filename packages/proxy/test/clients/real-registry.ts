import { spawn, type ChildProcess } from "node:child_process";
import { createPrivateKey, randomUUID, sign } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { createLeafKey, mintLeaf } from "../../src/certificates/leaf.ts";
import { upstreamAuthority } from "../../src/transport/testing/recording-upstream.fixture.ts";
import type { Serve } from "./package-upstream.ts";

export const registryProgram: string = "docker-registry";

/** A registry as Debian packages it, which takes the tokens of a token service alone. */
export interface RealRegistry extends AsyncDisposable {
  readonly port: number;
  /** The token service: gives whoever has the login what is asked for. */
  readonly tokenService: Serve;
  /** Every token that was handed out. */
  readonly tokens: string[];
}

export interface RealRegistrySettings {
  readonly host: string;
  /** The address of the token service, as the registry names it. */
  readonly realm: string;
  /** `Basic …` */
  readonly authorization: string;
}

/** Starts `docker-registry` with TLS on loopback. */
export async function startRealRegistry(settings: RealRegistrySettings): Promise<RealRegistry> {
  const { host, realm, authorization } = settings;
  const directory = await mkdtemp(join(tmpdir(), "clauderon-registry-"));
  const key = createLeafKey();
  const { certificatePem } = mintLeaf(upstreamAuthority, { host, key, now: new Date() });
  const files = {
    "key.pem": key.privateKeyPem,
    "cert.pem": certificatePem,
    "ca.pem": upstreamAuthority.certificatePem,
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content, { mode: 0o600 });
  const config = join(directory, "config.yml");
  await writeFile(
    config,
    `version: 0.1
log: { level: info, formatter: json }
storage: { filesystem: { rootdirectory: "${join(directory, "data")}" } }
http: { addr: "127.0.0.1:0", host: "https://${host}", tls: { certificate: "${join(directory, "cert.pem")}", key: "${join(directory, "key.pem")}" } }
auth: { token: { realm: "${realm}", service: "${host}", issuer: "tests", rootcertbundle: "${join(directory, "ca.pem")}" } }
`,
  );
  const child = spawn(registryProgram, ["serve", config], { stdio: ["ignore", "ignore", "pipe"] });
  const port = await listening(child);
  const tokens: string[] = [];
  const der = certificatePem.replaceAll(/-----[^-]+-----|\s/gu, "");
  return {
    port,
    tokens,
    tokenService: (request, response) => {
      const url = new URL(request.url ?? "/", realm);
      if (request.headers.authorization !== authorization) {
        response
          .writeHead(401, { "content-type": "application/json" })
          .end('{"details":"incorrect username or password"}');
        return;
      }
      const access = url.searchParams.getAll("scope").map((scope) => {
        const [type, name, actions = ""] = scope.split(":");
        return { type, name, actions: actions.split(",") };
      });
      const now = Math.floor(Date.now() / 1000);
      const times = { iat: now, nbf: now - 60, exp: now + 300 };
      const claims = { iss: "tests", sub: "me", aud: host, jti: randomUUID(), access, ...times };
      const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
      const signed = `${part({ typ: "JWT", alg: "ES256", x5c: [der] })}.${part(claims)}`;
      const privateKey = createPrivateKey(key.privateKeyPem);
      const signature = sign("sha256", Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" });
      const token = `${signed}.${signature.toString("base64url")}`;
      tokens.push(token);
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ token, expires_in: 300 }));
    },
    async [Symbol.asyncDispose]() {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
      await rm(directory, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

/** The port that it says it listens on. */
async function listening({ stderr }: ChildProcess): Promise<number> {
  if (stderr === null) throw new Error("the registry says nothing");
  const said: string[] = [];
  for await (const line of createInterface({ input: stderr })) {
    said.push(line);
    const port = /listening on 127\.0\.0\.1:(?<port>\d+)/u.exec(line)?.groups?.["port"];
    if (port === undefined) continue;
    stderr.resume();
    return Number(port);
  }
  throw new Error(`the registry did not start: ${said.join("\n")}`);
}
