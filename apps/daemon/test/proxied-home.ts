import { execFile, execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import path from "node:path";

import { createClient, findRunningDaemon, type Client } from "@clauderon/core";
import type { Session } from "@clauderon/core/contract";
import { connectProxyProcess } from "@clauderon/proxy/client";

import { TestHome, type StartedProcess } from "./daemon-process.ts";
import { killProcess } from "./kill-process.ts";
import { until } from "./until.ts";

/** What a program printed, and how it ended. */
export interface Printed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A home with a TLS server that plays the vendors. */
export class ProxiedHome extends TestHome {
  readonly certificate: string = path.join(this.root, "upstream.pem");
  readonly seen: IncomingMessage[] = [];
  /** How the vendor answers. */
  respond: (request: IncomingMessage, response: ServerResponse) => void = (request, response) => {
    response.end(`you sent ${request.headers["x-api-key"] as string} ${request.headers.authorization ?? ""}`);
  };
  readonly #vendor: Server;
  readonly #proxies = new Set<number>();
  #latest: StartedProcess | undefined;

  private constructor() {
    super();
    const key = path.join(this.root, "upstream.key");
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    const files = ["-keyout", key, "-out", this.certificate];
    execFileSync("openssl", ["req", "-x509", ...kind, ...subject, ...files], { stdio: "ignore" });
    this.#vendor = createServer({ key: readFileSync(key), cert: readFileSync(this.certificate) });
    this.#vendor.on("request", (request: IncomingMessage, response: ServerResponse) => {
      this.seen.push(request);
      this.respond(request, response);
    });
    this.#vendor.listen(0, "127.0.0.1");
  }

  static async open(): Promise<ProxiedHome> {
    const home = new ProxiedHome();
    if (!home.#vendor.listening) await once(home.#vendor, "listening");
    return home;
  }

  get vendorPort(): number {
    return (this.#vendor.address() as AddressInfo).port;
  }

  /** Nothing of the machine's own is known in it. */
  override get environment(): NodeJS.ProcessEnv {
    const { PATH, TMPDIR } = process.env;
    return { PATH, TMPDIR, HOME: this.root, CLAUDERON_HOME: this.home, CLAUDERON_PORT: "0" };
  }

  /** Sends the vendors' requests to the server of the test. */
  configure(more = "", hosts: readonly string[] = []): void {
    const vendors = ["api.anthropic.com", "api.openai.com", ...hosts].map(
      (host) => `"${host}" = "https://localhost:${this.vendorPort}"`,
    );
    writeFileSync(
      path.join(this.home, "proxy.toml"),
      `[proxy]\nextra_ca = "${this.certificate}"\n${more}\n[proxy.upstreams]\n${vendors.join("\n")}\n`,
    );
  }

  storeSecret(name: string, value: string): void {
    mkdirSync(path.join(this.home, "secrets"), { recursive: true, mode: 0o700 });
    writeFileSync(path.join(this.home, "secrets", name), value, { mode: 0o600 });
  }

  /** A daemon that answers. */
  async run(environment: NodeJS.ProcessEnv = {}, program?: readonly [string, ...string[]]): Promise<StartedProcess> {
    const started = this.start({ ...this.environment, ...environment }, program);
    this.#latest = started;
    await until(async () => (await findRunningDaemon(this.home))?.pid === started.child.pid, "no daemon answers");
    return started;
  }

  /** The process id of the daemon that was run last. */
  get daemonProcess(): number {
    return this.#latest?.child.pid ?? 0;
  }

  async daemonEnded(): Promise<void> {
    await this.#latest?.ended;
  }

  client(): Client {
    return createClient({ homeDirectory: this.home, environment: this.environment, startDaemon: false });
  }

  async daemonPort(): Promise<number> {
    return Number(new URL((await findRunningDaemon(this.home))?.url ?? "").port);
  }

  /** The process id of the proxy, none when it does not run. */
  async proxyProcess(): Promise<number | undefined> {
    await using proxy = await connectProxyProcess(this.home);
    const status = await proxy?.call("status", {}).catch(() => undefined);
    if (status !== undefined) this.#proxies.add(status.processId);
    return status?.processId;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.proxyProcess();
    await super[Symbol.asyncDispose]();
    for (const processId of this.#proxies) killProcess(processId);
    this.#vendor.closeAllConnections();
    this.#vendor.close();
  }
}

/** What a session's commands find in their environment. */
export async function environmentOf(session: Session): Promise<Readonly<Record<string, string>>> {
  const { stdout } = await session.exec(["env", "-0"]);
  return Object.fromEntries(
    stdout
      .split("\0")
      .filter((entry) => entry.includes("="))
      .map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
  );
}

/** curl outside of a session, with an environment of its own. */
export async function curl(environment: Readonly<Record<string, string>>, args: readonly string[]): Promise<Printed> {
  return new Promise((resolve) => {
    execFile("curl", ["-sS", "--max-time", "60", ...args], { env: environment }, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code);
      resolve({ code, stdout, stderr });
    });
  });
}
