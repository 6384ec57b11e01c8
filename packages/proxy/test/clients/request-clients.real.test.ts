import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createLeafKey, mintLeaf } from "../../src/certificates/leaf.ts";
import { upstreamAuthority } from "../../src/transport/testing/recording-upstream.fixture.ts";
import { startClientWorld, type ClientWorld } from "./client-world.ts";
import { runsClient } from "./required-client.ts";

const secret = "sk-ant-REAL-58c1aa";
const host = "api.anthropic.com";
const url = `https://${host}/v1/messages`;
const python = process.env["CLAUDERON_TEST_PYTHON"] ?? "python3";
const seen: { readonly method: string; readonly key: unknown; readonly bytes: number }[] = [];
let upstream: Server;
let world: ClientWorld;

beforeAll(async () => {
  const key = createLeafKey();
  const leaf = mintLeaf(upstreamAuthority, { host, key, now: new Date() });
  upstream = createServer({ key: key.privateKeyPem, cert: leaf.certificatePem }, (request, response) => {
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.on("end", () => {
      seen.push({ method: request.method ?? "", key: request.headers["x-api-key"], bytes });
      response.end(`answered ${JSON.stringify(request.headers)}`);
    });
  }).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  world = await startClientWorld({
    origins: { [host]: (upstream.address() as AddressInfo).port },
    secrets: { ANTHROPIC_API_KEY: secret },
  });
  await writeFile(join(world.home, "body"), Buffer.alloc(3_000_000));
  await writeFile(join(world.home, "Client.java"), javaClient);
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  upstream.closeAllConnections();
  upstream.close();
});

const javaClient = `
import java.net.*;
import java.net.http.*;
public class Client {
  public static void main(String[] arguments) throws Exception {
    var client = HttpClient.newBuilder().authenticator(new Authenticator() {
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
  /** Works where the client is. */
  readonly probe: readonly string[];
  readonly argv: readonly string[];
  readonly bytes?: number;
}

const header = ["-H", "x-api-key: placeholder"];
const pythonRequest = `"${url}", headers={"x-api-key": "placeholder"}`;
const fetchOnce = `fetch("${url}", { method: "POST", headers: { "x-api-key": "placeholder" }, body: "hello" }).then((answer) => answer.text()).then(console.log)`;
const undici = import.meta.resolve("undici");
const clients: readonly Client[] = [
  { name: "curl", probe: ["curl", "--version"], argv: ["curl", "-sS", ...header, url] },
  {
    name: "curl, any authentication",
    probe: ["curl", "--version"],
    argv: ["curl", "-sS", "--proxy-anyauth", ...header, url],
  },
  { name: "curl, HTTP/1.0", probe: ["curl", "--version"], argv: ["curl", "-sS", "--http1.0", ...header, url] },
  {
    name: "curl, waiting for 100",
    probe: ["curl", "--version"],
    argv: ["curl", "-sS", ...header, "-H", "Expect: 100-continue", "--data-binary", "@body", url],
    bytes: 3_000_000,
  },
  {
    name: "wget",
    probe: ["wget", "--version"],
    argv: ["wget", "-qO-", "--header=x-api-key: placeholder", url],
  },
  { name: "Node fetch", probe: [process.execPath, "--version"], argv: [process.execPath, "-e", fetchOnce], bytes: 5 },
  {
    name: "undici",
    probe: [process.execPath, "--version"],
    argv: [
      process.execPath,
      "--input-type=module",
      "-e",
      `import { EnvHttpProxyAgent, fetch, setGlobalDispatcher } from "${undici}"; setGlobalDispatcher(new EnvHttpProxyAgent()); await ${fetchOnce}`,
    ],
    bytes: 5,
  },
  {
    name: "Python urllib",
    probe: [python, "--version"],
    argv: [python, "-c", `from urllib.request import *; print(urlopen(Request(${pythonRequest})).read().decode())`],
  },
  {
    name: "Python requests",
    probe: [python, "-c", "import requests"],
    argv: [python, "-c", `import requests; print(requests.get(${pythonRequest}).text)`],
  },
  {
    name: "Python httpx",
    probe: [python, "-c", "import httpx"],
    argv: [python, "-c", `import httpx; print(httpx.get(${pythonRequest}).text)`],
  },
  { name: "deno", probe: ["deno", "--version"], argv: ["deno", "eval", fetchOnce], bytes: 5 },
  { name: "Java HttpClient", probe: ["java", "-version"], argv: ["java", "Client.java"] },
];

describe("C3 real clients complete with a placeholder alone", () => {
  for (const client of clients.filter(({ name, probe }) => runsClient(name, probe))) {
    it(client.name, async () => {
      seen.length = 0;
      const environment = { PROXY_TOKEN: world.token };
      const { code, output } = await world.run(client.argv, { environment });
      expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining("answered") });
      expect(seen).toEqual([{ method: expect.any(String), key: secret, bytes: client.bytes ?? 0 }]);
      expect(output).not.toContain(secret);
      expect(output).not.toContain("proxy-authorization");
    });
  }

  it("and nothing written down holds the secret", async () => {
    const written = await world.written();
    expect(written).toContain('"injected"');
    expect(written).not.toContain(secret);
  });
});
