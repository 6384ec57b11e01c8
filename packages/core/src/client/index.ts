export type { ClientOptions, Connection } from "./connection.ts";
export { createClient, type Client } from "./create-client.ts";
export { checkCreateRequest } from "../engine/check-create-request.ts";
export { checkUpload } from "../support/upload-limits.ts";
export { readDaemonFile, readToken } from "./daemon-files.ts";
export { findRunningDaemon } from "./find-running-daemon.ts";
export { ensureDaemon, type DaemonAddress, type EnsureDaemonOptions } from "./ensure-daemon.ts";
export { stopDaemon } from "./stop-daemon.ts";
export { type TtyConnection, type TtyEnd, type TtyHandlers, type TtyOptions } from "./tty-connection.ts";
export {
  getSetting,
  homeDirectory,
  listSettings,
  loadSettings,
  setSetting,
  settingsPath,
  type Settings,
} from "../settings/index.ts";
