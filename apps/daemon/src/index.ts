export { daemonLogPath } from "./daemon-logger.ts";
export { version as daemonVersion } from "./version.ts";
export { runDaemon, type RunDaemonOptions } from "./run-daemon.ts";
