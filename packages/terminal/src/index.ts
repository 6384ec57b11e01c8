export {
  createTerminalHub,
  type OpenedTerminal,
  type TerminalHub,
  type TerminalHubOptions,
  type Viewer,
  type ViewerCloseReason,
  type ViewerNotice,
  type ViewerRequest,
  type ViewerSink,
} from "./hub/terminal-hub.ts";
export { createTerminalMirror, type TerminalMirror, type TerminalSnapshot } from "./hub/terminal-mirror.ts";
export { DirectorySandbox } from "./directory-sandbox.ts";
export { dialGuestSocket } from "./dial-guest-socket.ts";
export { createGuestClient, type GuestClient, type GuestClientOptions } from "./guest-client.ts";
export {
  guestLimits,
  type EgressOutcome,
  type EgressProbe,
  type EgressResult,
  type GuestInfo,
  type GuestReport,
  type GuestReports,
} from "./guest-protocol.ts";
export { guestReports } from "./guest-reports.ts";
export { leaveSandboxCgroup } from "./host-cgroup.ts";
export { keepCarrier, type KeepCarrierOptions } from "./keep-carrier.ts";
export { ensurePrivateDirectory, hostPaths, type HostPaths } from "./host-paths.ts";
export type { HostAgentStatus, HostExit, HostInfo, HostSandboxStatus, HostTerminalSize } from "./host-protocol.ts";
export { renderText, type RenderTextOptions } from "./render-text.ts";
export { createSandboxRecords, type LaunchRecord, type SandboxRecord, type SandboxRecords } from "./sandbox-records.ts";
export {
  connectSessionHost,
  createSessionHostClient,
  type OpenSandboxRequest,
  type SessionHostClient,
  type SessionHostOptions,
} from "./session-host-client.ts";
export { probePty } from "./probe-pty.ts";
