export {
  createEngine,
  nameFromPrompt,
  validateSessionName,
  type CrashPoints,
  type Engine,
  type EngineOptions,
  type EngineSettings,
  type ProxyPort,
} from "./engine/index.ts";
export { createHostContext } from "./host/create-host-context.ts";
