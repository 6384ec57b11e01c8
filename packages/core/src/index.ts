export {
  crashPointNames,
  createEngine,
  nameFromPrompt,
  validateSessionName,
  type CrashPoints,
  type Engine,
  type EngineOptions,
  type EngineSettings,
  type ProxiedSession,
  type ProxyPort,
} from "./engine/index.ts";
export { createHostContext } from "./host/create-host-context.ts";
export {
  getSetting,
  homeDirectory,
  listSettings,
  loadSettings,
  setSetting,
  settingsPath,
  type Settings,
} from "./settings/index.ts";
export {
  createClient,
  ensureDaemon,
  findRunningDaemon,
  readDaemonFile,
  readToken,
  stopDaemon,
  type Client,
  type ClientOptions,
  type DaemonAddress,
  type EnsureDaemonOptions,
  type TtyConnection,
  type TtyEnd,
  type TtyHandlers,
  type TtyOptions,
} from "./client/index.ts";
