import { SessionError } from "../contract/errors/session-error.ts";
import type { Logger } from "../contract/logger.ts";
import type { SessionAccess, SessionAccessChange, SessionBudget } from "../contract/session-access.ts";
import type { SessionState } from "../contract/session-state.ts";
import type { SessionDetail } from "../contract/session.ts";
import type { KeyedMutex } from "../support/keyed-mutex.ts";
import type { BackendRegistry } from "./backend-registry.ts";
import { checkAccess } from "./check-access.ts";
import type { CrashPoints, ProxyPort } from "./engine.ts";
import type { EventLog } from "./event-log.ts";
import type { SandboxCache } from "./sandbox-cache.ts";
import { accessOf, changedAccess, needsProxy, networkPolicyOf, refuseUnenforced } from "./session-access.ts";
import { sessionDetail } from "./session-view.ts";
import type { StepEffects } from "./step-effects.ts";

export interface AccessServiceOptions {
  readonly log: EventLog;
  readonly effects: StepEffects;
  readonly registry: BackendRegistry;
  readonly sandboxes: SandboxCache;
  readonly proxy: ProxyPort | undefined;
  readonly locks: KeyedMutex;
  readonly crashPoints: CrashPoints;
  readonly logger: Logger;
}

/** What sessions may reach and do: changing it while they run, and what it costs them. */
export class AccessService {
  readonly #options: AccessServiceOptions;

  constructor(options: AccessServiceOptions) {
    this.#options = options;
  }

  /** The proxy holds a session to the new access before that is recorded: what could not be put into force is not said to be. */
  change(id: string, change: SessionAccessChange): Promise<SessionDetail> {
    const { log, locks } = this.#options;
    return locks.run(id, async () => {
      const state = log.require(id);
      const access = changedAccess(accessOf(state), change);
      const backend = this.#options.registry.get(state.backend);
      refuseUnenforced(access, backend);
      checkAccess(this.#options.proxy, { ...state, hasChannel: backend.capabilities.channel, access });
      await this.#enforce({ ...state, access }, access);
      const after = await log.commit(id, { type: "change-access", access }, "access.changed");
      return sessionDetail(after ?? log.require(id));
    });
  }

  async budget(id: string): Promise<SessionBudget> {
    const { log, proxy } = this.#options;
    const state = log.require(id);
    const access = accessOf(state);
    const unknown = { session: { limit: access.budget, isReached: false }, day: { isReached: false } };
    return { schemaVersion: 1, id, name: state.name, ...((await proxy?.budget({ id, access })) ?? unknown) };
  }

  /** After a start: the proxy may hold a session to what was never recorded, because a crash came in between. */
  async restore(): Promise<void> {
    const { proxy, log, effects, logger, locks } = this.#options;
    for (const id of (await proxy?.admitted()) ?? []) {
      await locks.run(id, async () => {
        const state = log.get(id);
        try {
          // What does not run is admitted anew when it is started.
          if (state?.lifecycle === "running") await proxy?.change(effects.identity(state));
        } catch (cause) {
          logger.warn({ session: state?.name, cause }, "the proxy could not be told what a session may do");
        }
      });
    }
  }

  async #enforce(state: SessionState, access: SessionAccess): Promise<void> {
    const { proxy, effects, registry, sandboxes, crashPoints } = this.#options;
    crashPoints.reach("access.proxy.before-effect");
    const isHeld = (await proxy?.change(effects.identity(state))) ?? false;
    if (!isHeld && state.lifecycle === "running" && needsProxy(access, state.isolation)) throw withoutProxy(state);
    const policy = networkPolicyOf(access, registry.get(state.backend).capabilities);
    if (policy !== undefined) await (await sandboxes.find(state))?.network(policy);
    crashPoints.reach("access.proxy.after-effect");
  }
}

function withoutProxy({ name }: SessionState): SessionError {
  return new SessionError({
    code: "session.wrong-state",
    message: `Session ${name} runs without the proxy, which would have to hold it to this`,
    why: "a session gets its way to the proxy when it is started",
    fix: [`stop it: clauderon stop ${name}`, "change it then, and start it again"],
    context: { session: name },
  });
}
