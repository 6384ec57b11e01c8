export { checkSessionAccess } from "./policy/check-session-access.ts";
export type { CredentialRule, ProxyIdentity, PushScope, SessionPolicy } from "./policy/proxy-types.ts";
export {
  controlProtocol,
  type ControlEvent,
  type EventPosition,
  type ProxyProcessStatus,
} from "./process/control-protocol.ts";
export { failedStart, type FailedStart } from "./process/failed-start.ts";
export { openCarrier } from "./process/open-carrier.ts";
export { ownVersion as proxyVersion } from "./process/own-version.ts";
export {
  connectProxyProcess,
  startProxyProcess,
  type ProxyClient,
  type StartProxyOptions,
} from "./process/proxy-client.ts";
export { keptChannel, keptSessions } from "./process/proxy-state.ts";
export { pushScope } from "./push/push-scope.ts";
export { formatBudget, parseBudget, type Budget } from "./budget/parse-budget.ts";
export type { TapRecord } from "./tap/tap-event.ts";
export { isProxyConfigured } from "./settings/is-proxy-configured.ts";
export { loadProxySettings, type ProxySettings, type ProxySettingsPlaces } from "./settings/load-proxy-settings.ts";
export { sandboxWiring } from "./wiring/sandbox-wiring.ts";
export type { SandboxWiring, WiredAgent, WiredFile, WiringRequest } from "./wiring/wiring-types.ts";
