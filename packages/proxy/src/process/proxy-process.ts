import { once } from "node:events";
import { stat } from "node:fs/promises";
import type { Server } from "node:net";

import { SessionError, type Logger } from "@clauderon/core/contract";
import { makePrivateDirectory } from "@clauderon/core/host";

import { parseBudget } from "../budget/parse-budget.ts";
import type { ProxyIdentity } from "../policy/proxy-types.ts";
import { composeProxy, proxyFiles, type ComposedProxy } from "./compose-proxy.ts";
import { controlProtocol, type ControlMethods, type ProxyProcessStatus, type ProxyStart } from "./control-protocol.ts";
import { listenForControl, type ControlHandlers } from "./control-server.ts";
import { EventRing } from "./event-ring.ts";
import { ownVersion } from "./own-version.ts";
import { proxyProcessPaths, type ProxyProcessPaths } from "./proxy-process-paths.ts";
import { ProxyStateFile, type KeptSession } from "./proxy-state.ts";
import { SettingsWatch } from "./settings-watch.ts";

/** How often what was spent is written down, and the home looked for. */
const lookMs = 1000;
const idleLookMs = 250;

export interface ProxyProcessOptions extends ProxyStart {
  readonly logger: Logger;
  /** Called once when it has ended. */
  readonly onEnd: () => void;
}

/** A proxy that takes its orders over a socket and keeps what a restart needs. */
export class ProxyProcess {
  readonly #options: ProxyProcessOptions;
  readonly #paths: ProxyProcessPaths;
  readonly #composed: ComposedProxy;
  readonly #state: ProxyStateFile;
  readonly #ring = new EventRing();
  readonly #version = ownVersion();
  readonly #settings: SettingsWatch;
  readonly #port: number;
  #control: Server | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isEnding = false;
  /** What was last said about settings that cannot be used: once, not at each look. */
  #refusedSettings: string | undefined;
  #isMissed = false;

  private constructor(
    options: ProxyProcessOptions,
    parts: {
      readonly composed: ComposedProxy;
      readonly state: ProxyStateFile;
      readonly settings: SettingsWatch;
      readonly port: number;
    },
  ) {
    this.#options = options;
    this.#paths = proxyProcessPaths(options.home);
    this.#composed = parts.composed;
    this.#state = parts.state;
    this.#port = parts.port;
    this.#settings = parts.settings;
  }

  /** Everything is loaded and every session is back before the control socket answers. Fails when the port of the home is taken, also by another proxy of the home. */
  static async start(options: ProxyProcessOptions): Promise<ProxyProcess> {
    const paths = proxyProcessPaths(options.home);
    await makePrivateDirectory(paths.socketDirectory);
    const state = await ProxyStateFile.load(paths.state);
    const budgetState = state.current.budget;
    // Looked at before they are read: a change in between is seen at the next look.
    const settings = await SettingsWatch.begin(options, async () => composed.reload());
    const composed = await composeProxy({ ...options, budgetState });
    try {
      // The port is remembered: environments that were given it stay true. It is also what only one process can have.
      const { port } = await composed.proxy.listen({ port: state.current.port });
      if (state.current.port === undefined) await state.change((current) => ({ ...current, port }));
      const running = new ProxyProcess(options, { composed, state, settings, port });
      await running.#begin();
      return running;
    } catch (error) {
      await composed.close();
      throw error;
    }
  }

  get port(): number {
    return this.#port;
  }

  async #begin(): Promise<void> {
    const { proxy, tap } = this.#composed;
    for (const kept of Object.values(this.#state.current.sessions)) await this.#restore(kept);
    await proxy.listenForDaemon(this.#paths.daemonSocket);
    void this.#follow(tap.events());
    this.#timer = setInterval(() => void this.#look(), lookMs);
    this.#timer.unref();
    this.#control = await listenForControl(this.#paths.controlSocket, this.#handlers(), this.#ring);
  }

  async #restore(kept: KeptSession): Promise<void> {
    const { identity, socketPath, limit } = kept;
    await this.#composed.proxy.identities.add(identity, kept);
    if (limit !== undefined) this.#composed.budget.setLimit(identity.sessionId, parseBudget(limit));
    if (socketPath !== undefined) await this.#composed.proxy.listenForSession(identity.sessionId, socketPath);
  }

  async #follow(events: ReturnType<ComposedProxy["tap"]["events"]>): Promise<void> {
    for await (const record of events) this.#ring.push(record);
  }

  /** Nobody can find a proxy whose home is gone; the paths may be another's by now. */
  async #look(): Promise<void> {
    const isThere = await stat(this.#paths.state).then(
      () => true,
      (error: unknown) => (error as NodeJS.ErrnoException).code !== "ENOENT",
    );
    if (isThere) {
      await this.#saveBudget();
      await this.#followSettings();
    } else if (this.#isMissed) {
      this.#options.logger.info({ home: this.#options.home }, "ends: its home is gone");
      await this.end();
    }
    this.#isMissed = !isThere;
  }

  /** What cannot be read leaves what is in force as it is. */
  async #followSettings(): Promise<void> {
    const { logger } = this.#options;
    try {
      if (await this.#settings.reloadIfChanged()) logger.info({}, "the settings were read again");
      this.#refusedSettings = undefined;
    } catch (error) {
      const { message } = error as Error;
      if (message === this.#refusedSettings) return;
      this.#refusedSettings = message;
      logger.warn({ error: message }, "the changed settings cannot be used");
    }
  }

  async #saveBudget(): Promise<void> {
    const budget = this.#composed.budget.state();
    if (JSON.stringify(budget) === JSON.stringify(this.#state.current.budget)) return;
    try {
      await this.#state.change((current) => ({ ...current, budget }));
    } catch (error) {
      this.#options.logger.warn({ error: (error as Error).message }, "what was spent could not be written down");
    }
  }

  #handlers(): ControlHandlers {
    const { proxy, budget } = this.#composed;
    return {
      add: async ({ identity, socketPath }) => this.#add(identity, socketPath),
      update: async ({ identity }) => {
        const session = this.#state.current.sessions[identity.sessionId];
        if (session === undefined) return false;
        await this.#state.changeSession(identity.sessionId, { ...session, identity });
        return proxy.identities.update(identity);
      },
      remove: async ({ sessionId }) => {
        await this.#state.changeSession(sessionId, undefined);
        budget.setLimit(sessionId, undefined);
        budget.forget(sessionId);
        return proxy.identities.remove(sessionId);
      },
      wiring: async () => this.#wiring(),
      reload: async () => this.#composed.reload(),
      rotateAuthority: async () => {
        await proxy.rotateAuthority();
        return null;
      },
      limit: async ({ sessionId, limit }) => this.#limit(sessionId, limit),
      spending: async ({ sessionId }) => budget.spending(sessionId),
      status: async () => this.#status(),
      stop: async ({ whenIdle }) => {
        // The answer goes out first.
        setImmediate(() => void (whenIdle ? this.#endWhenIdle() : this.end()));
        return true;
      },
    };
  }

  async #add(identity: ProxyIdentity, socketPath: string | undefined): Promise<{ token: string }> {
    const { proxy } = this.#composed;
    const { token, record } = await proxy.identities.add(identity);
    const limit = this.#state.current.sessions[identity.sessionId]?.limit;
    await this.#state.changeSession(identity.sessionId, { ...record, socketPath, limit });
    if (socketPath !== undefined) await proxy.listenForSession(identity.sessionId, socketPath);
    return { token };
  }

  async #wiring(): Promise<ReturnType<ControlMethods["wiring"]>> {
    const { secrets } = this.#composed;
    await this.#settings.reloadIfChanged();
    const present = (await secrets.list()).filter(({ name }) => secrets.has(name));
    return {
      rules: this.#composed.rules(),
      secrets: present.map(({ name }) => name),
      codexAccountId: this.#composed.codexAccountId(),
    };
  }

  async #limit(sessionId: string, limit: string | undefined): Promise<null> {
    const session = this.#state.current.sessions[sessionId];
    if (session === undefined)
      throw new SessionError({
        code: "session.not-found",
        message: `The proxy knows no session ${sessionId}`,
        fix: ["clauderon list"],
      });
    const budget = limit === undefined ? undefined : parseBudget(limit);
    await this.#state.changeSession(sessionId, { ...session, limit });
    this.#composed.budget.setLimit(sessionId, budget);
    await this.#composed.proxy.review();
    return null;
  }

  async #status(): Promise<ProxyProcessStatus> {
    const { bundle, trustStore } = proxyFiles(this.#options.home);
    return {
      ...(await this.#composed.proxy.status()),
      processId: process.pid,
      protocol: controlProtocol,
      version: this.#version,
      port: this.#port,
      bundlePath: bundle,
      trustStorePath: trustStore,
      daemonSocketPath: this.#paths.daemonSocket,
    };
  }

  /** Goes on serving until nothing is open. */
  async #endWhenIdle(): Promise<void> {
    const { tunnels, requests } = await this.#composed.proxy.status();
    if (tunnels === 0 && requests === 0) await this.end();
    else setTimeout(() => void this.#endWhenIdle(), idleLookMs);
  }

  /** Cuts what is open and ends. */
  async end(): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    clearInterval(this.#timer);
    const control = this.#control;
    if (control !== undefined) {
      control.close();
      await Promise.race([once(control, "close"), new Promise((fulfil) => setTimeout(fulfil, idleLookMs))]);
    }
    if (!this.#isMissed) await this.#saveBudget();
    await this.#composed.close();
    this.#options.onEnd();
  }
}
