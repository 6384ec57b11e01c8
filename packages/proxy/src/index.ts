export { checkBody } from "./access/check-body.ts";
export type { AuditDecision, AuditEntry, AuditRecord } from "./audit/audit-entry.ts";
export { createAuditLog, type AuditLog, type AuditLogSettings } from "./audit/create-audit-log.ts";
export { followAuditLog, type FollowOptions } from "./audit/follow-audit-log.ts";
export { readAuditLog, type AuditFilter } from "./audit/read-audit-log.ts";
export { tailAuditLog, type TailOptions } from "./audit/tail-audit-log.ts";
export {
  createBudgetKeeper,
  type BudgetDenial,
  type BudgetKeeper,
  type BudgetKeeperSettings,
  type BudgetState,
  type Spending,
} from "./budget/create-budget-keeper.ts";
export type { ModelPrice, TokenPrices } from "./budget/model-price.ts";
export { formatBudget, parseBudget, type Budget } from "./budget/parse-budget.ts";
export { priceTable, priceTableDate, priceTableSources } from "./budget/price-table.ts";
export {
  createCarrierClient,
  type CarrierClient,
  type CarrierClientSettings,
} from "./carrier/create-carrier-client.ts";
export {
  createCarrierHub,
  type AcceptedCarrier,
  type CarrierHub,
  type CarrierHubSettings,
} from "./carrier/create-carrier-hub.ts";
export type { ChannelTimes } from "./carrier/channel-protocol.ts";
export type { CreateProxySettings, UpstreamSettings } from "./create-proxy-settings.ts";
export { createProxy, type AddedIdentity, type Proxy, type ProxyIdentities } from "./create-proxy.ts";
export type {
  CreateExchangeObserver,
  ExchangeContext,
  ExchangeObserver,
  ExchangeResponseHead,
} from "./exchange/exchange-observer.ts";
export { explain, type Explanation, type ExplainPorts, type ExplainQuestion, type ExplainStep } from "./explain.ts";
export type { AddressKind, AllowedAddress } from "./policy/address-policy.ts";
export { parseAllowedAddress } from "./policy/address-policy.ts";
export { createPolicyEngine, type ExplainablePolicyEngine, type PolicyEngineSettings } from "./policy/decide.ts";
export type {
  AccessMode,
  AddressRules,
  BodyCheck,
  ConnectVerdict,
  CredentialRule,
  Injection,
  NetworkMode,
  PolicyEngine,
  ProxyHeader,
  ProxyIdentity,
  ProxyRequest,
  ProxyTarget,
  PushScope,
  Refusal,
  RequestVerdict,
  RuleProtocol,
  SessionPolicy,
  TokenAnswer,
} from "./policy/proxy-types.ts";
export { composeProxy, proxyFiles, type ComposedProxy, type ComposeProxyOptions } from "./process/compose-proxy.ts";
export {
  controlProtocol,
  type ControlEvent,
  type ControlMethod,
  type ControlMethods,
  type ProxyProcessStatus,
} from "./process/control-protocol.ts";
export { openCarrier } from "./process/open-carrier.ts";
export { openProxyHome, type ProxyHome } from "./process/open-proxy-home.ts";
export {
  connectProxyProcess,
  startProxyProcess,
  type ProxyClient,
  type StartProxyOptions,
} from "./process/proxy-client.ts";
export type { ServedProxy, ServeOptions } from "./process/serve-home.ts";
export type { SecretTrial } from "./process/try-secret.ts";
export { shippedRules } from "./rules/shipped-rules.ts";
export type { ProxyStatus } from "./running-proxy.ts";
export {
  createSecretSource,
  type SecretInfo,
  type SecretOrigin,
  type SecretSource,
  type SecretSourceSettings,
} from "./secrets/create-secret-source.ts";
export { createKeyring } from "./secrets/keyring.ts";
export { knownSecrets, type KnownSecret } from "./secrets/known-secrets.ts";
export { createOnePassword, type OnePassword, type OnePasswordSettings } from "./secrets/one-password.ts";
export { Secret } from "./secrets/secret.ts";
export { loadProxySettings, type ProxySettings, type ProxySettingsPlaces } from "./settings/load-proxy-settings.ts";
export { createModelTap, type ModelTap, type ModelTapSettings } from "./tap/create-model-tap.ts";
export { promptHash } from "./tap/prompt-hash.ts";
export type { ModelErrorClass, ModelVendor, TapEvent, TapRecord, TokenUsage, TurnEndReason } from "./tap/tap-event.ts";
export type { CorporateProxy, UpstreamOverride } from "./transport/dial.ts";
export { defaultLimits, type ProxyLimits } from "./transport/limits.ts";
export { refusalHeader } from "./transport/problem-body.ts";
export type { IdentityRecord } from "./transport/session-registry.ts";
export type { WriteRecord } from "./transport/decision-records.ts";
export type { LocalAnswer, NotAdmitted, ReadSecret } from "./transport/transport-context.ts";
export { sandboxWiring } from "./wiring/sandbox-wiring.ts";
export type { SandboxWiring, WiredAgent, WiredFile, WiringRequest } from "./wiring/wiring-types.ts";
