import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { connect as connectTls, createSecureContext, TLSSocket } from "node:tls";

import { openOurs } from "./arm-ours.ts";
import { benchHost, benchSecret, type ArmName, type ArmPlace, type UpstreamPlace } from "./place.ts";
import { answerFacts } from "./process-facts.ts";

// One proxy in a process of its own: arm-main.ts NAME UPSTREAM(JSON).
const [name = "", upstreamText = "{}"] = process.argv.slice(2);
const upstream = JSON.parse(upstreamText) as UpstreamPlace & { readonly sessions: number };
const directory = await mkdtemp(path.join(tmpdir(), "cb-proxy-"));
const upstreamCa = readFileSync(upstream.certificatePath, "utf8");

/** What a tunnel costs at least: CONNECT, two sockets, two pipes. It leads to the upstream, whatever is asked. */
async function openBlind(): Promise<ArmPlace> {
  const server = createServer();
  server.on("connect", (_request, client, head) => {
    const onward = connect({ port: upstream.port, host: "127.0.0.1", noDelay: true });
    const end = (): void => {
      client.destroy();
      onward.destroy();
    };
    for (const socket of [client, onward]) socket.on("error", end).on("close", end);
    onward.once("connect", () => {
      client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      if (head.length > 0) onward.write(head);
      client.pipe(onward);
      onward.pipe(client);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return { port: (server.address() as AddressInfo).port, ca: upstreamCa };
}

/** What an interception costs at least in Node: TLS both ways, one upstream connection for each client's, nothing looked at. For requests that come one after the other. */
async function openBareInterception(): Promise<ArmPlace> {
  const server = createServer();
  const secureContext = createSecureContext({
    key: readFileSync(upstream.keyPath),
    cert: readFileSync(upstream.certificatePath),
  });
  const trusting = createSecureContext({ ca: upstreamCa });
  server.on("connect", (_request, socket) => {
    socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    const client = new TLSSocket(socket, { isServer: true, secureContext, ALPNProtocols: ["http/1.1"] });
    const onward = connectTls({
      socket: connect({ port: upstream.port, host: "127.0.0.1", noDelay: true }),
      secureContext: trusting,
      servername: benchHost,
      ALPNProtocols: ["http/1.1"],
    });
    const end = (): void => {
      client.destroy();
      onward.destroy();
    };
    for (const one of [socket, client, onward]) one.on("error", end).on("close", end);
    client.on("data", (chunk: Buffer) => void onward.write(chunk));
    onward.on("data", (chunk: Buffer) => void client.write(chunk));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return { port: (server.address() as AddressInfo).port, ca: upstreamCa };
}

async function openMockttp(): Promise<ArmPlace> {
  const { getLocal, generateCACertificate } = await import("mockttp");
  const https = await generateCACertificate();
  const server = getLocal({ https, http2: false, recordTraffic: false });
  await server.start();
  await server.forAnyRequest().thenForwardTo(`https://127.0.0.1:${upstream.port}`, {
    ignoreHostHttpsErrors: true,
    transformRequest: { updateHeaders: { authorization: `Bearer ${benchSecret}` } },
  });
  return { port: server.port, ca: https.cert };
}

async function openHttpMitmProxy(): Promise<ArmPlace> {
  const { Proxy } = await import("http-mitm-proxy");
  const proxy = new Proxy();
  proxy.onError(() => undefined);
  proxy.onRequest((context, done) => {
    const options = context.proxyToServerRequestOptions;
    if (options !== undefined) {
      const headers = { ...options.headers, authorization: `Bearer ${benchSecret}` };
      Object.assign(options, { host: "127.0.0.1", port: upstream.port, rejectUnauthorized: false, headers });
    }
    done();
  });
  await new Promise<void>((resolve, reject) => {
    const options = { port: 0, host: "127.0.0.1", sslCaDir: directory, keepAlive: true };
    proxy.listen(options, (error?: Error | null) => (error ? reject(error) : resolve()));
  });
  return { port: proxy.httpPort, ca: readFileSync(path.join(directory, "certs", "ca.pem"), "utf8") };
}

async function open(): Promise<ArmPlace> {
  if (name === "blind") return openBlind();
  if (name === "bare-interception") return openBareInterception();
  if (name === "mockttp") return openMockttp();
  if (name === "http-mitm-proxy") return openHttpMitmProxy();
  const { port: upstreamPort, sessions } = upstream;
  return openOurs(name as ArmName, { directory, upstreamPort, upstreamCa, sessions });
}

// The others tell each server that they start and each client that leaves.
if (name === "mockttp" || name === "http-mitm-proxy")
  for (const method of ["debug", "error", "info", "log", "warn"] as const) console[method] = () => undefined;
answerFacts();
process.on("SIGTERM", () => {
  void rm(directory, { recursive: true, force: true }).finally(() => process.exit());
});
process.send?.(await open());
