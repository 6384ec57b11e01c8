import type { DaemonFile } from "../wire/daemon-schema.ts";
import { askHealth } from "./ask-health.ts";
import { readDaemonFile } from "./daemon-files.ts";

/** The daemon that answers for a home, by its file and its own word. */
export async function findRunningDaemon(homeDirectory: string, signal?: AbortSignal): Promise<DaemonFile | undefined> {
  const file = await readDaemonFile(homeDirectory);
  if (file === undefined) return undefined;
  const health = await askHealth(file.url, signal);
  return health?.pid === file.pid ? file : undefined;
}
