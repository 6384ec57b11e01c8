import { once } from "node:events";
import { stat } from "node:fs/promises";
import type { Server } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

import {
  ClauderonError,
  InternalError,
  SessionError,
  type ClauderonErrorJson,
  type Logger,
} from "@clauderon/core/contract";
import { makePrivateDirectory } from "@clauderon/core/host";

import { parseBudget } from "../budget/parse-budget.ts";
import { createCarrierHub, type CarrierHub } from "../carrier/create-carrier-hub.ts";
import { listenForCarriers } from "./carrier-server.ts";
import { ChannelSockets } from "./channel-sockets.ts";
import { composeProxy, proxyFiles, type ComposedProxy } from "./compose-proxy.ts";
import { controlProtocol, type ControlMethods, type ProxyProcessStatus, type ProxyStart } from "./control-protocol.ts";
import { listenForControl, type ControlHandlers } from "./control-server.ts";
import { EventBacklog } from "./event-backlog.ts";
import { listenOnKeptPort } from "./listen-on-kept-port.ts";
import { ownVersion } from "./own-version.ts";
import { proxyProcessPaths, type ProxyProcessPaths } from "./proxy-process-paths.ts";
import { ProxyStateFile, type KeptSession } from "./proxy-state.ts";
import { SettingsWatch } from "./settings-watch.ts";
import { TextGatherer } from "./text-gatherer.ts";

/** How often what was spent is written down, and the home looked for. */
const lookMs = 1000;
const idleLookMs = 250;
/** How long an idle proxy waits for a daemon that stores what it saw. */
const longestStoringMs = 5000;
const settleMs = 1000;
const settleLookMs = 10;

export interface ProxyProcessOptions extends ProxyStart {
  readonly logger: Logger;
  /** Called once when it has ended. */
  readonly onEnd: () => void;
}

type AddedSession = Parameters<ControlMethods["add"]>[0];

/** A proxy that takes its orders over a socket and keeps what a restart needs. */
export class ProxyProcess {
  readonly #options: ProxyProcessOptions;
  readonly #paths: ProxyProcessPaths;
  readonly #composed: ComposedProxy;
  readonly #state: ProxyStateFile;
  readonly #backlog = new EventBacklog();
  readonly #gatherer = new TextGatherer((record) => this.#backlog.push(record));
  readonly #version = ownVersion();
  readonly #settings: SettingsWatch;
  readonly #port: number;
  readonly #hub: CarrierHub;
  readonly #channels: ChannelSockets;
  #control: Server | undefined;
  #carriers: Server | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isEnding = false;
  #isEndingWhenIdle = false;
  /** Why settings that were changed are not in force; said once, not at each look. */
  #problem: ClauderonErrorJson | undefined;
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
    this.#hub = createCarrierHub({
      accept: async (stream, sessionId) => parts.composed.proxy.accept(stream, sessionId),
      resumeMs: () => parts.composed.carrierResumeMs(),
      logger: options.logger,
    });
    this.#channels = new ChannelSockets(this.#hub, options.logger);
  }

  /** Everything is loaded and every session is back before the control socket answers. Fails when the port of the home is taken, also by another proxy of the home. */
  static async start(options: ProxyProcessOptions): Promise<ProxyProcess> {
    const paths = proxyProcessPaths(options.home);
    await makePrivateDirectory(paths.socketDirectory);
    const state = await ProxyStateFile.load(paths.state);
    const budgetState = state.current.budget;
    // Looked at before they are read: a change in between is seen at the next look.
    const places = { ...options, others: (): readonly string[] => composed.watched() };
    const settings = await SettingsWatch.begin(places, async () => composed.reload());
    const composed = await composeProxy({ ...options, budgetState });
    try {
      const port = await listenOnKeptPort(
        state.current,
        paths.state,
        async (at) => (await composed.proxy.listen({ port: at, findsHolder: false })).port,
      );
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
    await this.#giveBundle();
    // Only one process of a home comes this far.
    if (this.#state.current.port !== this.#port)
      await this.#state.change((current) => ({ ...current, port: this.#port }));
    this.#carriers = await listenForCarriers(this.#paths.carrierSocket, {
      hub: this.#hub,
      check: (sessionId) => void this.#known(sessionId),
      logger: this.#options.logger,
    });
    void this.#follow(tap);
    this.#timer = setInterval(() => void this.#look(), lookMs);
    this.#timer.unref();
    this.#control = await listenForControl(this.#paths.controlSocket, this.#handlers(), this.#backlog);
  }

  async #restore(kept: KeptSession): Promise<void> {
    const { identity, socketPath, channelDirectory, limit } = kept;
    await this.#composed.proxy.identities.add(identity, kept);
    if (limit !== undefined) this.#composed.budget.setLimit(identity.sessionId, parseBudget(limit));
    if (socketPath !== undefined) await this.#composed.proxy.listenForSession(identity.sessionId, socketPath);
    if (channelDirectory !== undefined) await this.#restoreChannel(identity.sessionId, channelDirectory);
  }

  /** A directory that is gone must not keep all other sessions without their proxy. */
  async #restoreChannel(sessionId: string, directory: string): Promise<void> {
    try {
      await this.#channels.listen(sessionId, directory);
    } catch (error) {
      this.#options.logger.warn({ sessionId, error: (error as Error).message }, "a session's channel is closed");
    }
  }

  async #follow(tap: ComposedProxy["tap"]): Promise<void> {
    try {
      for await (const record of tap.events()) this.#gatherer.push(record);
    } catch (error) {
      this.#options.logger.warn({ error: (error as Error).message }, "events of models were not seen");
      void this.#follow(tap);
    }
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
      if (await this.#settings.reloadIfChanged()) {
        logger.info({}, "the settings were read again");
        await this.#giveBundle();
      }
      this.#problem = undefined;
    } catch (error) {
      this.#refused(error);
    }
  }

  async #giveBundle(): Promise<void> {
    await this.#channels.giveBundle(proxyFiles(this.#options.home).bundle);
  }

  #refused(error: unknown): void {
    const problem = (ClauderonError.isInstance(error) ? error : new InternalError(error)).toJSON();
    if (problem.message === this.#problem?.message) return;
    this.#problem = problem;
    const { message, why, fix } = problem;
    this.#options.logger.warn({ error: message, why, fix }, "the changed settings cannot be used: the old ones hold");
  }

  /** Asked for by somebody, who is told what is wrong; so is everybody else. */
  async #reload(): Promise<readonly string[]> {
    try {
      const notes = await this.#composed.reload();
      await this.#giveBundle();
      this.#problem = undefined;
      return notes;
    } catch (error) {
      this.#refused(error);
      throw error;
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
      add: async (parameters) => this.#add(parameters),
      update: async ({ identity }) => {
        const session = this.#state.current.sessions[identity.sessionId];
        if (session === undefined) return false;
        await this.#state.changeSession(identity.sessionId, { ...session, identity });
        return proxy.identities.update(identity);
      },
      remove: async ({ sessionId, keepsSpending }) => {
        await this.#state.changeSession(sessionId, undefined);
        budget.setLimit(sessionId, undefined);
        if (keepsSpending !== true) budget.forget(sessionId);
        this.#channels.close(sessionId);
        this.#hub.closeSession(sessionId);
        return proxy.identities.remove(sessionId);
      },
      wiring: async () => this.#wiring(),
      reload: async () => this.#reload(),
      closePorts: async ({ ports }) => {
        await this.#composed.closePorts(ports);
        return null;
      },
      rotateAuthority: async () => {
        await proxy.rotateAuthority();
        await this.#giveBundle();
        return null;
      },
      acknowledge: async ({ epoch, sequence }) => {
        if (epoch === this.#backlog.epoch) this.#backlog.acknowledge(sequence);
        return null;
      },
      limit: async ({ sessionId, limit }) => this.#limit(sessionId, limit),
      spending: async ({ sessionId }) => budget.spending(sessionId),
      budget: async ({ sessionId }) => ({
        ...budget.accounts(sessionId),
        isKnown: Object.hasOwn(this.#state.current.sessions, sessionId),
      }),
      status: async () => this.#status(),
      stop: async ({ whenIdle }) => {
        // The answer goes out first.
        setImmediate(() => void (whenIdle ? this.#endWhenIdle() : this.end()));
        return true;
      },
    };
  }

  async #add({ identity, socketPath, channelDirectory }: AddedSession): Promise<{ token: string }> {
    const { proxy } = this.#composed;
    this.#channels.close(identity.sessionId);
    // Who comes by a channel of before comes from a sandbox of before.
    this.#hub.closeSession(identity.sessionId);
    const { token, record } = await proxy.identities.add(identity);
    const limit = this.#state.current.sessions[identity.sessionId]?.limit;
    await this.#state.changeSession(identity.sessionId, { ...record, socketPath, channelDirectory, limit });
    if (socketPath !== undefined) await proxy.listenForSession(identity.sessionId, socketPath);
    if (channelDirectory !== undefined) await this.#channels.listen(identity.sessionId, channelDirectory);
    return { token };
  }

  async #wiring(): Promise<ReturnType<ControlMethods["wiring"]>> {
    const { secrets } = this.#composed;
    if (await this.#settings.reloadIfChanged()) await this.#giveBundle();
    const present = (await secrets.list()).filter(({ name }) => secrets.has(name));
    return {
      rules: this.#composed.rules(),
      secrets: present.map(({ name }) => name),
      codexAccountId: this.#composed.codexAccountId(),
    };
  }

  #known(sessionId: string): KeptSession {
    const { sessions } = this.#state.current;
    const session = Object.hasOwn(sessions, sessionId) ? sessions[sessionId] : undefined;
    if (session !== undefined) return session;
    throw new SessionError({
      code: "session.not-found",
      message: `The proxy knows no session ${sessionId}`,
      fix: ["clauderon list"],
    });
  }

  async #limit(sessionId: string, limit: string | undefined): Promise<null> {
    const session = this.#known(sessionId);
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
      isEndingWhenIdle: this.#isEndingWhenIdle,
      settingsProblem: this.#problem,
      port: this.#port,
      bundlePath: bundle,
      trustStorePath: trustStore,
      daemonSocketPath: this.#paths.daemonSocket,
      carrierSocketPath: this.#paths.carrierSocket,
    };
  }

  /** Goes on serving until nothing is open, and for a moment until what was seen is stored. */
  async #endWhenIdle(): Promise<void> {
    if (this.#isEndingWhenIdle) return;
    this.#isEndingWhenIdle = true;
    this.#options.logger.info({}, "ends when nothing is open");
    for (let unstoredMs = 0; ; await delay(idleLookMs)) {
      const { tunnels, requests } = await this.#composed.proxy.status();
      const isIdle = tunnels === 0 && requests === 0;
      if (isIdle && (this.#backlog.isSettled || unstoredMs >= longestStoringMs)) break;
      unstoredMs = isIdle ? unstoredMs + idleLookMs : 0;
    }
    await this.end();
  }

  /** Cuts what is open, has stored what was seen of it, and ends. */
  async end(): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    clearInterval(this.#timer);
    this.#carriers?.close();
    this.#channels.closeAll();
    await this.#hub.close();
    await this.#composed.close();
    await this.#settle();
    if (!this.#isMissed) await this.#saveBudget();
    const control = this.#control;
    if (control !== undefined) {
      control.close();
      await Promise.race([once(control, "close"), delay(idleLookMs)]);
    }
    this.#options.onEnd();
  }

  /** Gives whoever stores events a moment for those that came with the end. */
  async #settle(): Promise<void> {
    await delay(0);
    this.#gatherer.flush();
    for (let waitedMs = 0; !this.#backlog.isSettled && waitedMs < settleMs; waitedMs += settleLookMs)
      await delay(settleLookMs);
  }
}
