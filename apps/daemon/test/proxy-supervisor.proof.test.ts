import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";

import { silentLogger } from "@clauderon/core/contract";
import { controlProtocol, proxyVersion } from "@clauderon/proxy/client";
import { expect, test } from "vitest";

import { ProxySupervisor } from "../src/proxy/proxy-supervisor.ts";
import { ProxiedHome } from "./proxied-home.ts";
import { until } from "./until.ts";

const LONG_MS = 180_000;

/** A proxy process of another version, as far as it is asked here. */
class OlderProxy implements AsyncDisposable {
  readonly asked: string[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(home: string, status: { readonly protocol: number; readonly version: string }) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      createInterface({ input: socket }).on("line", (line) => {
        const { id, method, parameters } = JSON.parse(line) as { id: number; method: string; parameters: unknown };
        this.asked.push(`${method} ${JSON.stringify(parameters)}`);
        socket.write(`${JSON.stringify({ id, result: { processId: 1, port: 1, ...status } })}\n`);
      });
    });
    mkdirSync(path.join(home, "run"), { mode: 0o700 });
    this.#server.listen(path.join(home, "run", "proxy.sock"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

function supervise(home: ProxiedHome): ProxySupervisor {
  return new ProxySupervisor({
    homeDirectory: home.home,
    userHome: home.root,
    environment: home.environment,
    isEnabled: true,
    logger: silentLogger,
  });
}

test(
  "a proxy of an earlier version is used until nothing is open through it, and followed by one of this version",
  async () => {
    await using home = await ProxiedHome.open();
    await using older = new OlderProxy(home.home, { protocol: controlProtocol, version: "0.0.0" });
    await using supervisor = supervise(home);
    expect(await supervisor.use(async ({ status }) => status.version)).toBe("0.0.0");
    // Once whether it answers, once for its version.
    expect(older.asked).toEqual(["status {}", "status {}", 'stop {"whenIdle":true}']);
    await older[Symbol.asyncDispose]();
    await until(async () => (await home.proxyProcess()) !== undefined, "no other proxy is started");
    expect(await supervisor.use(async ({ status }) => status.version)).toBe(proxyVersion());
  },
  LONG_MS,
);

test(
  "one that speaks another protocol is asked to end, and said to be in the way",
  async () => {
    await using home = await ProxiedHome.open();
    await using older = new OlderProxy(home.home, { protocol: controlProtocol + 1, version: "9.0.0" });
    await using supervisor = supervise(home);
    await expect(supervisor.use(async () => undefined)).rejects.toMatchObject({
      code: "daemon.unreachable",
      message: expect.stringContaining("another version") as string,
    });
    // Once whether it answers, once for its version.
    expect(older.asked).toEqual(["status {}", "status {}", 'stop {"whenIdle":true}']);
  },
  LONG_MS,
);
