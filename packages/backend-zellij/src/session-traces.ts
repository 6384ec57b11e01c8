import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { type SandboxRecord, unlessMissing } from "./sandbox-records.ts";
import { cacheDirectory, socketDirectory } from "./zellij-environment.ts";

/**
 * Whether zellij may have a session of that name, alive or kept to be resurrected: looks for its socket and its kept layout, at the price of no
 * process. Both directories have one directory for each version of zellij's contract, and every version is looked at.
 */
export async function hasTraces(places: SandboxRecord["places"], sessionName: string): Promise<boolean> {
  const [sockets, caches] = [socketDirectory(places), cacheDirectory(places)];
  const [versions, kept] = await Promise.all([names(sockets), names(caches)]);
  return (
    versions.some((version) => version === sessionName || existsSync(join(sockets, version, sessionName))) ||
    kept.some((version) => existsSync(join(caches, version, "session_info", sessionName, "session-layout.kdl")))
  );
}

async function names(directory: string): Promise<readonly string[]> {
  return (await unlessMissing(readdir(directory))) ?? [];
}
