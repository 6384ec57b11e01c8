import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createLeafKey, mintLeaf } from "../src/certificates/leaf.ts";
import { composeProxy, type ComposedProxy } from "../src/index.ts";
import { upstreamAuthority } from "../src/transport/testing/recording-upstream.fixture.ts";
import { identity } from "../src/transport/testing/test-proxy.fixture.ts";

const secret = "sk-ant-REAL-58c1aa";
const url = "https://api.anthropic.com/v1/messages";
const seen: { readonly method: string; readonly key: unknown; readonly bytes: number }[] = [];
let root: string;
let gateway: Server;
let composed: ComposedProxy;
let environment: Record<string, string>;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "clauderon-clients-"));
  const key = createLeafKey();
  const leaf = mintLeaf(upstreamAuthority, { host: "localhost", key, now: new Date() });
  gateway = createServer({ key: key.privateKeyPem, cert: leaf.certificatePem }, (request, response) => {
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.on("end", () => {
      seen.push({ method: request.method ?? "", key: request.headers["x-api-key"], bytes });
      response.end(`answered ${JSON.stringify(request.headers)}`);
    });
  }).listen(0, "localhost");
  await once(gateway, "listening");
  await writeFile(join(root, "ca.pem"), upstreamAuthority.certificatePem);
  const origin = `https://localhost:${(gateway.address() as AddressInfo).port}`;
  const settings = `[proxy]\nextra_ca = "${join(root, "ca.pem")}"\n[proxy.upstreams]\n"api.anthropic.com" = "${origin}"\n`;
  const home = join(root, "home");
  await mkdir(home, { mode: 0o700 });
  await writeFile(join(home, "proxy.toml"), settings);
  composed = await composeProxy({ home, userHome: root, environment: { ANTHROPIC_API_KEY: secret } });
  const { port } = await composed.proxy.listen();
  const { token } = await composed.proxy.identities.add(identity("clients"));
  const proxy = `http://clients:${token}@127.0.0.1:${port}`;
  const bundle = join(home, "proxy-ca.pem");
  environment = {
    PATH: process.env["PATH"] ?? "",
    HOME: root,
    HTTPS_PROXY: proxy,
    https_proxy: proxy,
    CURL_CA_BUNDLE: bundle,
    SSL_CERT_FILE: bundle,
    REQUESTS_CA_BUNDLE: bundle,
    NODE_EXTRA_CA_CERTS: bundle,
    NODE_USE_ENV_PROXY: "1",
    TRUST_STORE: join(home, "proxy-ca.p12"),
    PROXY_PORT: String(port),
    PROXY_TOKEN: token,
  };
  await writeFile(join(root, "body"), Buffer.alloc(3_000_000));
  await writeFile(join(root, "Client.java"), javaClient);
});
afterAll(async () => {
  await composed.close();
  gateway.closeAllConnections();
  gateway.close();
  await rm(root, { recursive: true, force: true });
});

const javaClient = `
import java.net.*;
import java.net.http.*;
public class Client {
  public static void main(String[] arguments) throws Exception {
    System.setProperty("jdk.http.auth.tunneling.disabledSchemes", "");
    var place = new InetSocketAddress("127.0.0.1", Integer.parseInt(System.getenv("PROXY_PORT")));
    var client = HttpClient.newBuilder().proxy(ProxySelector.of(place)).authenticator(new Authenticator() {
      protected PasswordAuthentication getPasswordAuthentication() {
        return new PasswordAuthentication("clients", System.getenv("PROXY_TOKEN").toCharArray());
      }
    }).build();
    var request = HttpRequest.newBuilder(URI.create("${url}")).header("x-api-key", "placeholder").build();
    System.out.println(client.send(request, HttpResponse.BodyHandlers.ofString()).body());
  }
}`;

interface Client {
  readonly name: string;
  readonly argv: () => readonly [string, ...string[]];
  readonly bytes?: number;
}

const header = ["-H", "x-api-key: placeholder"];
const pythonRequest = `"${url}", headers={"x-api-key": "placeholder"}`;
const clients: readonly Client[] = [
  { name: "curl", argv: () => ["curl", "-sS", ...header, url] },
  { name: "curl, any authentication", argv: () => ["curl", "-sS", "--proxy-anyauth", ...header, url] },
  { name: "curl, HTTP/1.0", argv: () => ["curl", "-sS", "--http1.0", ...header, url] },
  {
    name: "curl, waiting for 100",
    argv: () => [
      "curl",
      "-sS",
      ...header,
      "-H",
      "Expect: 100-continue",
      "--data-binary",
      `@${join(root, "body")}`,
      url,
    ],
    bytes: 3_000_000,
  },
  {
    name: "wget",
    argv: () => [
      "wget",
      "-qO-",
      `--ca-certificate=${environment["SSL_CERT_FILE"]}`,
      "--header=x-api-key: placeholder",
      url,
    ],
  },
  {
    name: "Node's fetch",
    argv: () => [
      process.execPath,
      "-e",
      `fetch("${url}", { method: "POST", headers: { "x-api-key": "placeholder" }, body: "hello" }).then((answer) => answer.text()).then(console.log)`,
    ],
    bytes: 5,
  },
  {
    name: "Python's urllib",
    argv: () => [
      "python3",
      "-c",
      `from urllib.request import *; print(urlopen(Request(${pythonRequest})).read().decode())`,
    ],
  },
  {
    name: "Python's requests",
    argv: () => ["python3", "-c", `import requests; print(requests.get(${pythonRequest}).text)`],
  },
  {
    name: "Java's HttpClient",
    argv: () => [
      "java",
      `-Djavax.net.ssl.trustStore=${environment["TRUST_STORE"]}`,
      "-Djavax.net.ssl.trustStorePassword=changeit",
      join(root, "Client.java"),
    ],
  },
];

/** Why a client cannot run here. */
function missing({ name, argv }: Client): string | undefined {
  const program = ["curl", "wget", "python3", "java"].find((known) => argv.toString().includes(`"${known}"`)) ?? "";
  const isThere = program === "" || spawnSync(program, ["--version"]).error === undefined;
  const hasModule = name !== "Python's requests" || spawnSync("python3", ["-c", "import requests"]).status === 0;
  return isThere && hasModule ? undefined : `${name}: not installed`;
}

describe("C3 real clients complete with a placeholder alone", () => {
  for (const client of clients) {
    const reason = missing(client);
    if (reason !== undefined && process.env["CLAUDERON_REQUIRE"]?.includes("clients") !== true) {
      process.stderr.write(`not run: ${reason}\n`);
      continue;
    }
    it(client.name, async () => {
      seen.length = 0;
      const [program, ...rest] = client.argv();
      const child = spawn(program, rest, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
      let output = "";
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
      const [code] = await once(child, "close");
      expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining("answered") });
      expect(seen).toEqual([{ method: expect.any(String), key: secret, bytes: client.bytes ?? 0 }]);
      expect(output).not.toContain(secret);
      expect(output).not.toContain("proxy-authorization");
    });
  }

  it("and nothing written down holds the secret", async () => {
    expect(await readFile(join(root, "home", "audit.jsonl"), "utf8")).not.toContain(secret);
  });
});
