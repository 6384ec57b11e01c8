import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";

import { silentLogger, type Clock, type Logger } from "@clauderon/core/contract";
import { createCommandRunner, systemClock } from "@clauderon/core/host";

import { checkBody } from "../access/check-body.ts";
import { createAuditLog } from "../audit/create-audit-log.ts";
import { createBudgetKeeper, type BudgetKeeper, type BudgetState } from "../budget/create-budget-keeper.ts";
import { readExtraAuthorities } from "../certificates/ca-bundle.ts";
import type { UpstreamSettings } from "../create-proxy-settings.ts";
import { createProxy, type Proxy } from "../create-proxy.ts";
import { parseAllowedAddress } from "../policy/address-policy.ts";
import { createPolicyEngine, type ExplainablePolicyEngine } from "../policy/decide.ts";
import type { CredentialRule, ProxyIdentity } from "../policy/proxy-types.ts";
import { createSecretSource, type SecretSource } from "../secrets/create-secret-source.ts";
import { createKeyring } from "../secrets/keyring.ts";
import { createOnePassword } from "../secrets/one-password.ts";
import { createPostJson, type PostJson } from "../secrets/post-json.ts";
import { loadProxySettings, type ProxySettings } from "../settings/load-proxy-settings.ts";
import { createModelTap, type ModelTap } from "../tap/create-model-tap.ts";
import { codexAccountId, codexSecret, createCodexLogin, isCodexRenewal } from "./codex-login.ts";
import { liveSecretSource } from "./live-secret-source.ts";
import { RequestRate } from "./request-rate.ts";
import { readCorporateProxy, readOverrides, readWayOut } from "./upstream-settings.ts";

export interface ComposeProxyOptions {
  /** `~/.clauderon`. */
  readonly home: string;
  /** The user's own directory. */
  readonly userHome: string;
  /** Where secrets and the network's own proxy may be named. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Ports of this machine that no session reaches, beside the proxy's own. */
  readonly closedPorts?: readonly number[] | undefined;
  readonly budgetState?: BudgetState | undefined;
  readonly clock?: Clock | undefined;
  readonly logger?: Logger | undefined;
}

/** A proxy with everything it needs, as the settings of a home ask for it. */
export interface ComposedProxy extends AsyncDisposable {
  readonly proxy: Proxy;
  readonly secrets: SecretSource;
  readonly budget: BudgetKeeper;
  readonly tap: ModelTap;
  /** Those in force. */
  rules(): readonly CredentialRule[];
  /** The account of this machine's ChatGPT login, where that is what sessions use. */
  codexAccountId(): string | undefined;
  /** How long the streams of a carrier that was lost wait for the next one. */
  carrierResumeMs(): number;
  /** Files beside proxy.toml that the settings in force were read from. */
  watched(): readonly string[];
  /** Ports of this machine that no session reaches from now on, in place of those that were closed before. */
  closePorts(ports: readonly number[]): Promise<void>;
  /**
   * Reads proxy.toml again: rules, lists, secrets and the way to upstreams hold from the next request on. Returns what the user should know. Rejects as the reading
   * does; then everything stays as it was.
   */
  reload(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Where a home keeps what the proxy writes. */
export function proxyFiles(home: string): {
  readonly authority: string;
  readonly bundle: string;
  readonly trustStore: string;
} {
  return {
    authority: join(home, "proxy", "authority.pem"),
    bundle: join(home, "proxy-ca.pem"),
    trustStore: join(home, "proxy-ca.p12"),
  };
}

/** Reads the settings of a home and makes its proxy; nothing listens yet. */
export async function composeProxy(options: ComposeProxyOptions): Promise<ComposedProxy> {
  const { clock = systemClock, logger = silentLogger, environment } = options;
  const settings = await readSettings(options);
  let inForce = settings;
  let closedPorts = options.closedPorts ?? [];
  const post = createPostJson(async () => readWayOut(inForce, environment));
  let source = secretSourceOf(settings, { environment, clock, post });
  const secrets = liveSecretSource(() => source);
  const audit = createAuditLog({ ...settings.audit, clock, logger });
  const { dayLimit, prices } = settings;
  const onUnpriced = (model: string): void => {
    logger.warn(
      { model, fix: "name its prices under [[prices]] in proxy.toml" },
      "no price is known: tokens alone are counted",
    );
  };
  const { budgetState: state } = options;
  const budget = createBudgetKeeper({ dayLimit, prices, state, now: () => clock.now(), onUnpriced });
  const tap = createModelTap({ onRecord: (record) => budget.record(record), now: () => clock.now() });
  const rate = new RequestRate(settings.requestsPerSecond, clock);
  const codexLogin = createCodexLogin(() => inForce, secrets);
  const files = proxyFiles(options.home);
  let upstream = await readUpstream(settings, environment);
  const proxy = createProxy({
    authorityPath: files.authority,
    bundlePath: files.bundle,
    trustStorePath: files.trustStore,
    policy: engineOf(settings, secrets),
    readSecret: (name) => secrets.ready(name)?.reveal() ?? secrets.get(name).then((secret) => secret?.reveal()),
    writeRecord: settings.audit.isEnabled ? (entry) => audit.write(entry) : () => undefined,
    flushRecords: settings.audit.isEnabled ? () => audit.flush() : undefined,
    upstream: { ...upstream, closedPorts },
    observers: [tap.createObserver],
    admit: (context) => rate.check(context) ?? codexLogin.answer(context) ?? budget.check(context),
    checkBody,
    clock,
    logger,
  });
  const close = async (): Promise<void> => {
    await proxy.close();
    audit.close();
  };
  return {
    proxy,
    secrets,
    budget,
    tap,
    rules: () => inForce.rules,
    codexAccountId: () =>
      secrets.describe(codexSecret).origin === "codex-login" ? codexAccountId(inForce.codexAuthPath) : undefined,
    carrierResumeMs: () => inForce.carrierResumeMs,
    watched: () => inForce.extraCa,
    async closePorts(ports) {
      closedPorts = ports;
      await proxy.useUpstream({ ...upstream, closedPorts });
    },
    async reload() {
      // Everything is read before anything of it holds.
      const next = await readSettings(options);
      const nextUpstream = await readUpstream(next, environment);
      if (isDifferent(secretPlaces(next), secretPlaces(inForce)))
        source = secretSourceOf(next, { environment, clock, post });
      else secrets.refresh();
      const isRerouted = isDifferent(nextUpstream, upstream);
      inForce = next;
      upstream = nextUpstream;
      budget.setDayLimit(next.dayLimit);
      budget.setPrices(next.prices);
      rate.setPerSecond(next.requestsPerSecond);
      proxy.usePolicy(engineOf(next, secrets));
      if (isRerouted) await proxy.useUpstream({ ...upstream, closedPorts });
      return next.notes;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** proxy.toml of a home, with the registries of the user's own npm configuration. */
export async function readSettings({
  home,
  userHome,
  environment,
}: Pick<ComposeProxyOptions, "home" | "userHome" | "environment">): Promise<ProxySettings> {
  const file = await readFile(join(userHome, ".npmrc"), "utf8").catch(() => "");
  // npm lets the environment win over its files: https://docs.npmjs.com/cli/using-npm/config
  const registry = environment["npm_config_registry"];
  const npmrc = registry === undefined ? file : `${file}\nregistry=${registry}`;
  return loadProxySettings({ home, userHome, npmrc });
}

/** Where requests go as the settings say, except the ports that are closed. */
async function readUpstream(
  { extraCa, upstreams, upstream, allow }: ProxySettings,
  environment: ComposeProxyOptions["environment"],
): Promise<UpstreamSettings> {
  const extraCertificates = await Promise.all(extraCa.map(readExtraAuthorities));
  return {
    extraCertificates: extraCertificates.flat(),
    overrides: readOverrides(upstreams),
    corporateProxy: readCorporateProxy(upstream, environment),
    allowedAddresses: allow.flatMap((entry) => parseAllowedAddress(entry) ?? []),
  };
}

function secretPlaces({ secretsDirectory, codexAuthPath, onePassword }: ProxySettings): object {
  return { secretsDirectory, codexAuthPath, onePassword };
}

function isDifferent(left: object, right: object): boolean {
  return !isDeepStrictEqual(left, right);
}

/** The rules of a home as what decides. */
export function engineOf(
  { rules, allow, deny, upstreams }: ProxySettings,
  secrets: SecretSource,
): ExplainablePolicyEngine {
  const diverted = new Set(Object.keys(upstreams));
  const settings = { rules, secrets, lists: { allow, deny }, diverted, canExchangeTokens: true };
  const engine = createPolicyEngine(settings);
  // What renews a login is let through for the one login that is answered here.
  const answering = createPolicyEngine({ ...settings, canReplaceAnswers: true });
  // The user's own Codex uses and renews its login itself; two that renew it would end it for each other.
  const isOwnLogin = (name: string): boolean => name === codexSecret && secrets.describe(name).origin === "codex-login";
  const unconfined = createPolicyEngine({
    ...settings,
    secrets: { has: (name) => secrets.has(name) && !isOwnLogin(name) },
  });
  const engineFor = (identity: ProxyIdentity | undefined): ExplainablePolicyEngine =>
    identity?.policy.isUnconfined === true ? unconfined : engine;
  return {
    decideConnect: (identity, target) => engineFor(identity).decideConnect(identity, target),
    decideRequest: (identity, request) => {
      const isAnswered = isCodexRenewal(request) && secrets.has(codexSecret) && identity.policy.isUnconfined !== true;
      return (isAnswered ? answering : engineFor(identity)).decideRequest(identity, request);
    },
    addressRules: (identity) => engine.addressRules(identity),
    networkReason: (identity, target) => engineFor(identity).networkReason(identity, target),
    rulesFor: (target) => engine.rulesFor(target),
  };
}

/** What {@link secretSourceOf} works with. */
export interface SecretSourceParts {
  readonly environment: ComposeProxyOptions["environment"];
  readonly clock: Clock;
  /** How a login is renewed. */
  readonly post: PostJson;
}

/** The secrets of a home; nothing is read before one is asked for. */
export function secretSourceOf(
  { secretsDirectory, codexAuthPath, onePassword }: ProxySettings,
  { environment, clock, post }: SecretSourceParts,
): SecretSource {
  const monotonicMs = (): number => clock.monotonicMs();
  const runner = createCommandRunner();
  const client =
    onePassword === undefined ? undefined : createOnePassword(onePassword, { runner, monotonicMs, environment });
  return createSecretSource({
    directory: secretsDirectory,
    environment,
    codexAuthPath,
    post,
    monotonicMs,
    keyring: createKeyring({ runner, monotonicMs, environment }),
    onePassword: client === undefined || onePassword === undefined ? undefined : { client, settings: onePassword },
  });
}
