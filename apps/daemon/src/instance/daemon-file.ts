import { randomUUID } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { daemonFileSchema, parseJson, type DaemonFile } from "@clauderon/core/wire";

const PRIVATE_MODE = 0o600;

/** Path of the file that tells where a home's daemon answers. */
export function daemonFilePath(homeDirectory: string): string {
  return join(homeDirectory, "daemon.json");
}

/** Whole or not at all: a reader never sees half of it. */
export async function writeDaemonFile(file: DaemonFile): Promise<void> {
  const path = daemonFilePath(file.home);
  const fresh = `${path}.${randomUUID()}`;
  await writeFile(fresh, `${JSON.stringify(file)}\n`, { mode: PRIVATE_MODE, flag: "wx" });
  await rename(fresh, path);
}

/** `undefined` when there is none or it is damaged. */
export async function readDaemonFile(homeDirectory: string): Promise<DaemonFile | undefined> {
  try {
    return parseJson(await readFile(daemonFilePath(homeDirectory), "utf8"), daemonFileSchema);
  } catch {
    // Missing or damaged is the same to the reader: it says nothing about where a daemon is.
    return undefined;
  }
}

export async function removeDaemonFile(homeDirectory: string): Promise<void> {
  await rm(daemonFilePath(homeDirectory), { force: true });
}
