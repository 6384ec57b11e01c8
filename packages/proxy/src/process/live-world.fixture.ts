import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { systemClock } from "@clauderon/core/host";
import { WebSocketServer } from "ws";

import { SecureContexts } from "../certificates/secure-contexts.ts";
import type { SessionPolicy } from "../policy/proxy-types.ts";
import { upstreamAuthority } from "../transport/testing/recording-upstream.fixture.ts";
import { basic, identity } from "../transport/testing/test-proxy.fixture.ts";
import { startProxyProcess, type ProxyClient } from "./proxy-client.ts";

type Handler = (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse) => void;

/** What a client of the session needs. */
export interface SessionAccessWay {
  readonly port: number;
  readonly token: string;
  readonly authorization: string;
  readonly ca: string;
}

const vendors = ["api.anthropic.com", "api.openai.com", "generativelanguage.googleapis.com"];
const policy: SessionPolicy = { accessMode: "read-write", network: "listed", allow: [], deny: [], isIsolated: true };

/** A proxy's process of its own, before a server that plays the vendors over HTTP/1.1, HTTP/2 and WebSocket. */
export class LiveWorld implements AsyncDisposable {
  readonly home: string;
  readonly #root: string;
  readonly #gateway: Http2SecureServer;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #processIds = new Set<number>();
  readonly #connections = new Set<{ destroy(): void }>();
  handle: Handler = (_request, response) => void response.end("ok");

  private constructor(root: string) {
    this.#root = root;
    this.home = join(root, "h");
    const contexts = new SecureContexts(upstreamAuthority, { clock: systemClock });
    this.#gateway = createSecureServer(
      { allowHTTP1: true, SNICallback: (name, done) => done(null, contexts.get(name)) },
      (request, response) => this.handle(request, response),
    );
    this.#gateway.on("upgrade", (request: IncomingMessage, socket, head: Buffer) => {
      this.#sockets.handleUpgrade(request, socket, head, (opened) => opened.on("message", (data) => opened.send(data)));
    });
    this.#gateway.on("secureConnection", (socket) => {
      this.#connections.add(socket);
      socket.on("error", () => undefined);
    });
    this.#gateway.on("sessionError", () => undefined);
  }

  static async open(more = ""): Promise<LiveWorld> {
    const world = new LiveWorld(await mkdtemp(join(tmpdir(), "clauderon-live-")));
    await mkdir(world.home, { mode: 0o700 });
    world.#gateway.listen(0, "127.0.0.1");
    await once(world.#gateway, "listening");
    await writeFile(join(world.#root, "ca.pem"), upstreamAuthority.certificatePem);
    await world.configure(more);
    return world;
  }

  async configure(more: string): Promise<void> {
    const { port } = this.#gateway.address() as AddressInfo;
    const upstreams = vendors.map((host) => `"${host}" = "https://localhost:${port}"`).join("\n");
    const text = `[proxy]\nextra_ca = "${join(this.#root, "ca.pem")}"\n${more}\n[proxy.upstreams]\n${upstreams}\n`;
    await writeFile(join(this.home, "proxy.toml"), text);
  }

  /** The proxy of the home, started when it does not run. */
  async proxy(): Promise<ProxyClient> {
    const keys = { ANTHROPIC_API_KEY: "sk-ant-REAL", OPENAI_API_KEY: "sk-REAL", GEMINI_API_KEY: "AIza-REAL" };
    const environment = { PATH: process.env["PATH"], ...keys };
    const client = await startProxyProcess({ home: this.home, userHome: this.#root, environment });
    this.#processIds.add((await client.call("status", {})).processId);
    return client;
  }

  /** Gives the session `s1` this policy and a way in. */
  async admit(client: ProxyClient, change: Partial<SessionPolicy> = {}): Promise<SessionAccessWay> {
    const { token } = await client.call("add", { identity: identity("s1", { ...policy, ...change }) });
    const { port, bundlePath } = await client.call("status", {});
    return { port, token, authorization: basic("s1", token), ca: await readFile(bundlePath, "utf8") };
  }

  /** From now on the session `s1` has this policy. */
  async change(client: ProxyClient, change: Partial<SessionPolicy>): Promise<void> {
    await client.call("update", { identity: identity("s1", { ...policy, ...change }) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const processId of this.#processIds) {
      try {
        process.kill(processId, "SIGKILL");
      } catch {
        // It has ended already.
      }
    }
    this.#sockets.close();
    for (const connection of this.#connections) connection.destroy();
    this.#gateway.close();
    await rm(this.#root, { recursive: true, force: true, maxRetries: 10 });
  }
}
