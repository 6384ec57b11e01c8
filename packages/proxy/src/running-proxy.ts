import { silentLogger } from "@clauderon/core/contract";
import { systemClock } from "@clauderon/core/host";

import { AuthorityKeeper } from "./certificates/authority-keeper.ts";
import type { CreateProxySettings, UpstreamSettings } from "./create-proxy-settings.ts";
import type { PolicyEngine, ProxyIdentity, Refusal } from "./policy/proxy-types.ts";
import { refuse } from "./policy/refusal.ts";
import { DecisionRecords } from "./transport/decision-records.ts";
import { EntryServers } from "./transport/entry-servers.ts";
import { Interceptor } from "./transport/intercept.ts";
import { defaultLimits } from "./transport/limits.ts";
import { createRedactorCache } from "./transport/redactor-cache.ts";
import { endSession, SessionRegistry } from "./transport/session-registry.ts";
import { ProxySessions, type ProxySession } from "./transport/sessions.ts";
import type { TransportContext } from "./transport/transport-context.ts";
import { UpstreamRoute } from "./upstream-route.ts";

export interface ProxyStatus {
  readonly sessions: number;
  readonly tunnels: number;
  readonly requests: number;
}

const bodyUnchecked = refuse(403, "body-unchecked", {
  message: "The request's body would have to be checked, and this proxy has nothing that checks it",
  fix: "give createProxy the setting checkBody",
});

/** Nobody's policy: the engine knows the anonymous by the missing identity. */
const nobody: ProxyIdentity = {
  sessionId: "",
  sessionName: "",
  policy: { accessMode: "read-only", network: "listed", allow: [], deny: [], isIsolated: true },
};

/** A proxy whose files are read and written. */
export class RunningProxy {
  readonly authorities: AuthorityKeeper;
  readonly registry: SessionRegistry;
  readonly entries: EntryServers;
  readonly #sessions = new ProxySessions();
  readonly #interceptor: Interceptor;
  readonly #anonymous: ProxySession;
  readonly #route: UpstreamRoute;

  private constructor(authorities: AuthorityKeeper, context: TransportContext, route: UpstreamRoute) {
    const sessions = this.#sessions;
    this.#route = route;
    this.authorities = authorities;
    this.#interceptor = new Interceptor(context);
    const contextsOf = authorities.contextsOf.bind(authorities);
    this.registry = new SessionRegistry({ context, sessions, contextsOf });
    this.#anonymous = this.registry.create(nobody, { isAnonymous: true });
    const anonymous = this.#anonymous;
    this.entries = new EntryServers({ context, sessions, interceptor: this.#interceptor, anonymous });
  }

  static async start(settings: CreateProxySettings, engine: () => PolicyEngine): Promise<RunningProxy> {
    const clock = settings.clock ?? systemClock;
    const route = new UpstreamRoute(settings, engine, () => running?.entries.ports() ?? []);
    const { roots } = route;
    const { authorityPath, bundlePath, trustStorePath } = settings;
    const authorities = await AuthorityKeeper.load({ authorityPath, bundlePath, trustStorePath, roots, clock });
    const logger = settings.logger ?? silentLogger;
    const limits = { ...defaultLimits, ...settings.limits };
    let running: RunningProxy | undefined;
    const context: TransportContext = {
      engine,
      readSecret: settings.readSecret,
      records: new DecisionRecords({
        writeRecord: settings.writeRecord,
        flushRecords: settings.flushRecords,
        logger,
      }),
      dialer: route.dialer,
      limits,
      clock,
      logger,
      observers: settings.observers ?? [],
      admit: settings.admit ?? ((): undefined => undefined),
      redactorOf: createRedactorCache(),
      checkBody: settings.checkBody ?? ((): Refusal => bodyUnchecked),
    };
    running = new RunningProxy(authorities, context, route);
    return running;
  }

  /** New connections go this way; what is in flight ends on the old one. */
  async useUpstream(upstream: UpstreamSettings): Promise<void> {
    this.#route.use(upstream);
    await this.authorities.useRoots(this.#route.roots);
    this.registry.renewPools();
    this.registry.review();
  }

  async remove(sessionId: string): Promise<boolean> {
    const isKnown = this.registry.remove(sessionId);
    await this.entries.closeSession(sessionId);
    await this.authorities.retire(() => new Set([...this.#sessions.values()].map(({ authorityId }) => authorityId)));
    return isKnown;
  }

  status(): ProxyStatus {
    const all = [...this.#sessions.values()];
    const sum = (count: (session: ProxySession) => number): number =>
      [...all, this.#anonymous].reduce((total, session) => total + count(session), 0);
    return {
      sessions: all.length,
      tunnels: sum(({ tunnelCount }) => tunnelCount),
      requests: sum(({ requestCount }) => requestCount),
    };
  }

  async close(): Promise<void> {
    for (const session of [...this.#sessions.values(), this.#anonymous]) endSession(session);
    this.#interceptor.close();
    await this.entries.close();
  }
}
