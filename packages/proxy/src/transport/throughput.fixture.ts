// Rates and processor time of the proxy beside a direct connection, in one interleaved run: node -C @clauderon/source src/transport/throughput.fixture.ts [ROUNDS]
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:https";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";

import { createAuthority } from "../certificates/authority.ts";
import { createLeafKey, mintLeaf } from "../certificates/leaf.ts";
import { createProxy } from "../create-proxy.ts";
import { apiRule, basic, identity, testEngine } from "./testing/test-proxy.fixture.ts";

const connections = 32;
const sizes = { "1KiB": 15_000, "1MiB": 200 } as const;
type Size = keyof typeof sizes;
const bodies: Record<Size, Buffer> = { "1KiB": Buffer.alloc(1024, "x"), "1MiB": Buffer.alloc(1024 * 1024, "x") };
const arms = ["direct", "tunnel", "intercept", "inject"] as const;
type Arm = (typeof arms)[number];

interface Place {
  readonly port: number;
  readonly ca: string;
  readonly authorization?: string;
}

async function serveUpstream(): Promise<Place> {
  const authority = createAuthority(new Date());
  const key = createLeafKey();
  const leaf = mintLeaf(authority, { host: "api.test", key, now: new Date() });
  const server = createServer({ key: key.privateKeyPem, cert: leaf.certificatePem }, (request, response) => {
    const body = bodies[(request.url?.slice(1) ?? "") as Size];
    response.writeHead(200, { "content-length": body.length }).end(body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, ca: authority.certificatePem };
}

async function serveProxy(arm: Arm, upstreamCa: string): Promise<Place> {
  const directory = mkdtempSync(join(tmpdir(), "clauderon-throughput-"));
  const proxy = createProxy({
    authorityPath: join(directory, "proxy", "authority.pem"),
    bundlePath: join(directory, "ca.pem"),
    policy: testEngine({
      connect: () => ({ kind: arm === "tunnel" ? "tunnel" : "intercept" }),
      request: () => ({ kind: "forward", rule: apiRule, secret: arm === "inject" ? "api" : undefined }),
    }),
    readSecret: async () => "REAL-SECRET-123456",
    writeRecord: () => undefined,
    upstream: { extraCertificates: [upstreamCa], resolve: async () => ["127.0.0.1"], checkAddresses: () => undefined },
  });
  const { port } = await proxy.listen();
  const { token } = await proxy.identities.add(identity());
  return { port, authorization: basic("s1", token), ca: readFileSync(join(directory, "ca.pem"), "utf8") };
}

async function start(...role: readonly string[]): Promise<{ child: ChildProcess; place: Place }> {
  const child = fork(fileURLToPath(import.meta.url), [...role], { execArgv: ["-C", "@clauderon/source"] });
  const [place] = (await once(child, "message")) as [Place];
  return { child, place };
}

async function cpuMicroseconds(child: ChildProcess): Promise<number> {
  child.send("cpu");
  const [{ user, system }] = (await once(child, "message")) as [NodeJS.CpuUsage];
  return user + system;
}

async function open(place: Place, upstream: Place, isTunnel: boolean): Promise<TLSSocket> {
  const socket = connect(place.port, "127.0.0.1");
  if (place.authorization !== undefined) {
    const target = `api.test:${upstream.port}`;
    socket.write(
      `CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\nproxy-authorization: ${place.authorization}\r\n\r\n`,
    );
    await once(socket, "data");
  }
  const tls = connectTls({ socket, servername: "api.test", ca: isTunnel ? upstream.ca : place.ca });
  await once(tls, "secureConnect");
  return tls;
}

/** Sends the request so many times, one after the other. */
async function repeat(tls: TLSSocket, request: string, count: number): Promise<void> {
  for (let left = count; left > 0; left -= 1) {
    tls.write(request);
    let missing: number | undefined;
    for (let size = 0; missing === undefined || size < missing;) {
      const chunk = (tls.read() ?? (await once(tls, "readable"), tls.read())) as Buffer | null;
      if (chunk === null) continue;
      const end = missing === undefined ? chunk.indexOf("\r\n\r\n") : 0;
      missing ??=
        end + 4 + Number(/content-length: (?<size>\d+)/iu.exec(chunk.toString("latin1", 0, end))?.groups?.["size"]);
      size += chunk.length;
    }
  }
}

async function measure(arm: Arm, size: Size, upstream: { child: ChildProcess; place: Place }): Promise<object> {
  const server = arm === "direct" ? upstream : await start("proxy", arm, upstream.place.ca);
  const sockets: TLSSocket[] = [];
  for (let count = 0; count < connections; count += 1)
    sockets.push(await open(server.place, upstream.place, arm === "tunnel" || arm === "direct"));
  const request = `GET /${size} HTTP/1.1\r\nhost: api.test:${upstream.place.port}\r\naccept: */*\r\nauthorization: Bearer placeholder\r\n\r\n`;
  const each = Math.ceil(sizes[size] / connections);
  const all = async (count: number): Promise<void> => {
    await Promise.all(sockets.map(async (tls) => repeat(tls, request, count)));
  };
  await all(each);
  const cpuBefore = await cpuMicroseconds(server.child);
  const startMs = performance.now();
  await all(each * 4);
  const requests = each * 4 * connections;
  const seconds = (performance.now() - startMs) / 1000;
  const cpu = (await cpuMicroseconds(server.child)) - cpuBefore;
  for (const tls of sockets) tls.destroy();
  if (server !== upstream) server.child.kill();
  return {
    arm,
    size,
    perSecond: Math.round(requests / seconds),
    cpuMicrosecondsPerRequest: Math.round(cpu / requests),
  };
}

async function main(): Promise<void> {
  const [role, arm, ca] = process.argv.slice(2);
  if (role === "upstream" || role === "proxy") {
    process.on("message", () => process.send?.(process.cpuUsage()));
    process.send?.(role === "upstream" ? await serveUpstream() : await serveProxy(arm as Arm, ca ?? ""));
    return;
  }
  const upstream = await start("upstream");
  for (let round = 0; round < Number(role ?? 1); round += 1)
    for (const size of Object.keys(sizes) as Size[])
      for (const one of arms) console.log(JSON.stringify({ round, ...(await measure(one, size, upstream)) }));
  upstream.child.kill();
}

await main();
