import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

import { ClauderonError, DaemonError, type Logger } from "@clauderon/core/contract";
import {
  connectProxyProcess,
  controlProtocol,
  isProxyConfigured,
  keptSessions,
  loadProxySettings,
  proxyVersion,
  startProxyProcess,
  type ProxyClient,
  type ProxyProcessStatus,
} from "@clauderon/proxy/client";

export interface ProxySupervisorOptions {
  readonly homeDirectory: string;
  readonly userHome: string;
  /** Where secrets and the network's own proxy may be named; nothing of a session's. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `[proxy] enabled`; `undefined` = as the home shows. */
  readonly isEnabled: boolean | undefined;
  readonly logger: Logger;
}

/** A proxy process that answers. */
export interface RunningProxy {
  readonly client: ProxyClient;
  readonly status: ProxyProcessStatus;
}

const firstPauseMs = 100;
const longestPauseMs = 30_000;
const endMs = 1000;

/** Finds or starts the proxy process of a home, and starts it again when it ends by itself. It is left running when the daemon ends. */
export class ProxySupervisor implements AsyncDisposable {
  readonly #options: ProxySupervisorOptions;
  readonly #closing = new AbortController();
  #current: Promise<RunningProxy> | undefined;
  #onRunning: ((client: ProxyClient, signal: AbortSignal) => Promise<void>) | undefined;
  readonly #attendants = new Set<Promise<void>>();
  #ports: readonly number[] = [];

  constructor(options: ProxySupervisorOptions) {
    this.#options = options;
  }

  /** Whether sessions that are started now get a proxy. */
  async isConfigured(): Promise<boolean> {
    return this.#options.isEnabled ?? (await isProxyConfigured(this.#options.homeDirectory));
  }

  /** False when the user switched it off: nothing is handed over then. */
  get mayStart(): boolean {
    return this.#options.isEnabled !== false;
  }

  /** Attends to each process that is found or started, until it ends or the signal says that the daemon does; must not reject. */
  attend(onRunning: (client: ProxyClient, signal: AbortSignal) => Promise<void>): void {
    this.#onRunning = onRunning;
  }

  /** Called once the daemon listens: starts the proxy where it is wanted, also by sessions that were given one before. Never rejects. */
  async begin(ports: readonly number[]): Promise<void> {
    this.#ports = ports;
    if (!(await this.isWanted())) return;
    try {
      // One that was found knows the ports of the daemon before this one.
      await this.use(({ client }) => client.call("closePorts", { ports }));
    } catch (error) {
      this.#options.logger.error({ error }, "the proxy could not be started");
    }
  }

  /**
   * Works with the proxy of the home, which is started when there is none, and once more with its successor when it ends under the work. Rejects with
   * `settings.invalid` for a wrong proxy.toml, or `daemon.unreachable`.
   */
  async use<Result>(work: (running: RunningProxy) => Promise<Result>): Promise<Result> {
    const current = await this.#running();
    try {
      return await work(current);
    } catch (error) {
      if (!ClauderonError.isInstance(error, "daemon.unreachable")) throw error;
      await current.client.ended;
      return work(await this.#running());
    }
  }

  /** A connection to where the daemon hands requests over. */
  async open(): Promise<Socket> {
    return this.use(async ({ client, status }) => {
      const socket = connect({ path: status.daemonSocketPath, allowHalfOpen: true });
      try {
        await once(socket, "connect");
        return socket;
      } catch (cause) {
        // Nobody listens there any more: it has ended, or is about to.
        await Promise.race([client.ended, delay(endMs)]);
        client.close();
        throw unreachable(cause);
      }
    });
  }

  /** Ends the watching; the proxy goes on. */
  async close(): Promise<void> {
    this.#closing.abort();
    const current = await this.#current?.catch(() => undefined);
    await Promise.all(this.#attendants);
    current?.client.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #running(): Promise<RunningProxy> {
    if (this.#closing.signal.aborted) throw closed();
    const current = (this.#current ??= this.#start());
    try {
      return await current;
    } catch (error) {
      if (this.#current === current) this.#current = undefined;
      throw error;
    }
  }

  /** Whether a proxy runs here, or should. */
  async isWanted(): Promise<boolean> {
    const { homeDirectory } = this.#options;
    return (await this.isConfigured()) || (await keptSessions(homeDirectory)).length > 0;
  }

  async #start(): Promise<RunningProxy> {
    const { homeDirectory: home, userHome, environment, logger } = this.#options;
    const existing = await connectProxyProcess(home);
    // What is wrong is told with its line, which the process itself can only write into its log.
    if (existing === undefined) await loadProxySettings({ home, userHome });
    const client = existing ?? (await startProxyProcess({ home, userHome, environment, closedPorts: this.#ports }));
    const status = await client.call("status", {});
    if (status.protocol !== controlProtocol) {
      await client.call("stop", { whenIdle: true });
      client.close();
      throw anotherVersion(status);
    }
    // Sessions keep their tokens over the change, and nothing that is open is cut.
    if (status.version !== proxyVersion()) await client.call("stop", { whenIdle: true });
    const { processId, port } = status;
    const { settingsProblem: problem } = status;
    if (problem !== undefined) logger.warn({ problem }, "the changed proxy.toml is not in force");
    logger.info({ processId, port }, existing === undefined ? "the proxy was started" : "the proxy was found");
    const running = { client, status };
    void this.#watch(running);
    const attendant = this.#onRunning?.(client, this.#closing.signal);
    if (attendant !== undefined) {
      this.#attendants.add(attendant);
      void attendant.then(() => this.#attendants.delete(attendant));
    }
    return running;
  }

  async #watch({ client, status }: RunningProxy): Promise<void> {
    await client.ended;
    this.#current = undefined;
    const { logger } = this.#options;
    for (let pauseMs = firstPauseMs; !this.#closing.signal.aborted; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      try {
        if (!(await this.isWanted())) return;
        logger.warn({ processId: status.processId }, "the proxy has ended and is started again");
        await this.#running();
        return;
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        logger.error({ error, pauseMs }, "the proxy could not be started again");
        await delay(pauseMs, undefined, { signal: this.#closing.signal, ref: false }).catch(() => undefined);
      }
    }
  }
}

function closed(): DaemonError {
  return new DaemonError({ message: "The daemon ends", fix: ["try again: clauderon daemon start"] });
}

function unreachable(cause: unknown): DaemonError {
  return new DaemonError({ message: "The proxy cannot be reached", fix: ["see proxy.log in the home's logs"], cause });
}

function anotherVersion({ protocol }: ProxyProcessStatus): DaemonError {
  return new DaemonError({
    message: "The proxy that runs is of another version of clauderon",
    why: `it speaks protocol ${protocol}, this daemon ${controlProtocol}; it ends when nothing is open through it`,
    fix: [
      "try again when its sessions are at rest",
      "or end it now, and what it serves: clauderon proxy restart --now",
    ],
  });
}
