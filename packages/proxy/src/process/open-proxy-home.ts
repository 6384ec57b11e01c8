import { existsSync } from "node:fs";

import { systemClock } from "@clauderon/core/host";

import type { AuditRecord } from "../audit/audit-entry.ts";
import { tailAuditLog, type TailOptions } from "../audit/tail-audit-log.ts";
import { createBudgetKeeper, type BudgetKeeper } from "../budget/create-budget-keeper.ts";
import { parseBudget } from "../budget/parse-budget.ts";
import { explain, type Explanation, type ExplainQuestion } from "../explain.ts";
import type { ProxyIdentity } from "../policy/proxy-types.ts";
import type { SecretSource } from "../secrets/create-secret-source.ts";
import { createPostJson } from "../secrets/post-json.ts";
import type { ProxySettings } from "../settings/load-proxy-settings.ts";
import {
  composeProxy,
  engineOf,
  proxyFiles,
  readSettings,
  secretSourceOf,
  type ComposedProxy,
  type ComposeProxyOptions,
} from "./compose-proxy.ts";
import { connectProxyProcess } from "./proxy-client.ts";
import { proxyProcessPaths } from "./proxy-process-paths.ts";
import { readProxyState } from "./proxy-state.ts";
import { serveHome, type ServedProxy, type ServeOptions } from "./serve-home.ts";
import { trySecret, type SecretTrial } from "./try-secret.ts";
import { readWayOut } from "./upstream-settings.ts";

/** What a home's files say about its proxy, whether one runs or not. */
export interface ProxyHome {
  readonly settings: ProxySettings;
  /** Those of this process's environment and of the home. */
  readonly secrets: SecretSource;
  readonly files: ReturnType<typeof proxyFiles>;
  /** The sessions that the proxy was told of. */
  sessions(): Promise<readonly ProxyIdentity[]>;
  /** What its sessions have used, as it was last written down, and their limits. */
  budget(): Promise<Pick<BudgetKeeper, "check" | "accounts">>;
  /** What would happen to a request, and why; nothing is sent. */
  explain(question: ExplainQuestion): Explanation;
  /** The latest decisions, oldest first. */
  log(options: TailOptions): AsyncIterable<AuditRecord>;
  /** Reads a secret, and asks its vendor whether it holds where a question is known that costs nothing. */
  trySecret(name: string, options: { readonly signal: AbortSignal }): Promise<SecretTrial>;
  /** Has a running proxy read settings and secrets again at once. False when none runs. */
  reload(): Promise<boolean>;
  /** A new authority for new sessions; the old one stays trusted. `isRunning` = a running proxy did it; `isFirst` = there was none. */
  rotateAuthority(): Promise<{ readonly isRunning: boolean; readonly isFirst: boolean }>;
  /** Runs a proxy of its own in this process, for one client. */
  serve(options: ServeOptions): Promise<ServedProxy>;
}

/** Reads the settings of a home; starts, makes and writes nothing. */
export async function openProxyHome(
  options: Pick<ComposeProxyOptions, "home" | "userHome" | "environment">,
): Promise<ProxyHome> {
  const settings = await readSettings(options);
  const { environment } = options;
  const post = createPostJson(async () => readWayOut(settings, environment));
  const secrets = secretSourceOf(settings, { environment, clock: systemClock, post });
  const compose = async (): Promise<ComposedProxy> => composeProxy(options);
  return {
    settings,
    secrets,
    files: proxyFiles(options.home),
    sessions: async () => {
      const { sessions } = await readProxyState(proxyProcessPaths(options.home).state);
      return Object.values(sessions).map(({ identity }) => identity);
    },
    budget: async () => {
      const { sessions, budget: state } = await readProxyState(proxyProcessPaths(options.home).state);
      const { dayLimit, prices } = settings;
      const keeper = createBudgetKeeper({ dayLimit, prices, state, now: () => systemClock.now() });
      for (const { identity, limit } of Object.values(sessions))
        if (limit !== undefined) keeper.setLimit(identity.sessionId, parseBudget(limit));
      return keeper;
    },
    explain: (question) =>
      explain(question, {
        engine: engineOf(settings, secrets),
        describeSecret: (name) => secrets.describe(name),
        upstreams: settings.upstreams,
      }),
    log: (tail) => tailAuditLog(settings.audit.path, tail),
    trySecret: async (name, { signal }) =>
      trySecret(name, { rules: settings.rules, bundlePath: proxyFiles(options.home).bundle, secrets, compose, signal }),
    serve: async (serveOptions) => serveHome(serveOptions, { home: options.home, settings, secrets, compose }),
    reload: async () => {
      await using running = await connectProxyProcess(options.home);
      await running?.call("reload", {});
      return running !== undefined;
    },
    rotateAuthority: async () => {
      await using running = await connectProxyProcess(options.home);
      if (running !== undefined) {
        await running.call("rotateAuthority", {});
        return { isRunning: true, isFirst: false };
      }
      const isFirst = !existsSync(proxyFiles(options.home).authority);
      await using composed = await compose();
      // Whatever is asked first of a proxy makes the first authority.
      await (isFirst ? composed.proxy.status() : composed.proxy.rotateAuthority());
      return { isRunning: false, isFirst };
    },
  };
}
