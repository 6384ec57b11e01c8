export { createEngine } from "./create-engine.ts";
export { needsProxy } from "./session-access.ts";
export type {
  CrashPoints,
  Engine,
  EngineOptions,
  EngineSettings,
  ProxiedSession,
  ProxyPort,
  SessionIdentity,
} from "./engine.ts";
export { nameFromPrompt, validateSessionName } from "./session-name.ts";
export { crashPointNames } from "./operation-steps.ts";
