import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { BackendError, type ProcessExit } from "@clauderon/core/contract";

import { isErrorCode } from "./host-error-code.ts";

/** One start of the agent, as remembered. */
export interface LaunchRecord {
  readonly launchId: string;
  /** The session host it was started in; in another one it cannot be found. */
  readonly host: string;
  readonly startedAtMs: number;
  /** How it ended, once that was seen. */
  readonly exit?: ProcessExit | undefined;
}

/** What is known of a sandbox without its host. No environment, no secret. */
export interface SandboxRecord {
  readonly sandboxId: string;
  readonly instanceId: string;
  readonly name: string;
  readonly workspacePath: string;
  readonly state: "running" | "stopped";
  readonly launches: readonly LaunchRecord[];
}

/** Sandboxes on this machine's disk, one file each. */
export interface SandboxRecords {
  read(sandboxId: string): Promise<SandboxRecord | undefined>;
  list(): Promise<readonly SandboxRecord[]>;
  /** Whole and on the disk when it resolves. */
  write(record: SandboxRecord): Promise<void>;
  /** Changes of one record follow each other. Resolves with the new one, `undefined` when there is none. */
  update(sandboxId: string, change: (record: SandboxRecord) => SandboxRecord): Promise<SandboxRecord | undefined>;
  remove(sandboxId: string): Promise<void>;
}

/** Records of one instance in a directory that is made when the first is written. No I/O here. */
export function createSandboxRecords(directory: string, instanceId: string): SandboxRecords {
  const changes = new Map<string, Promise<unknown>>();
  const pathOf = (sandboxId: string): string => join(directory, `${sandboxId}.json`);

  const read = async (sandboxId: string): Promise<SandboxRecord | undefined> => {
    if (!isPlainId(sandboxId)) return undefined;
    const text = await readFile(pathOf(sandboxId), "utf8").catch((error: unknown) => {
      if (isErrorCode(error, "ENOENT", "ENOTDIR")) return undefined;
      throw error;
    });
    const record = text === undefined ? undefined : parsed(text, pathOf(sandboxId));
    return record?.instanceId === instanceId ? record : undefined;
  };

  const write = async (record: SandboxRecord): Promise<void> => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const temporary = join(directory, `.${record.sandboxId}.${randomUUID()}`);
    try {
      await using file = await open(temporary, "wx", 0o600);
      await file.writeFile(JSON.stringify(record));
      await file.sync();
      await rename(temporary, pathOf(record.sandboxId));
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  };

  return {
    read,
    write,
    async list() {
      const names = await readdir(directory).catch((error: unknown) => {
        if (isErrorCode(error, "ENOENT")) return [];
        throw error;
      });
      const ids = names
        .filter((name) => name.endsWith(".json") && !name.startsWith("."))
        .map((name) => name.slice(0, -".json".length));
      const records = await Promise.all(ids.map(read));
      return records.filter((record) => record !== undefined);
    },
    update(sandboxId, change) {
      const before = changes.get(sandboxId) ?? Promise.resolve();
      const changeNow = async (): Promise<SandboxRecord | undefined> => {
        const record = await read(sandboxId);
        const next = record === undefined ? undefined : change(record);
        if (next !== undefined && next !== record) await write(next);
        return next;
      };
      const updated = before.then(changeNow);
      const settled = updated
        .catch(() => undefined)
        .finally(() => {
          if (changes.get(sandboxId) === settled) changes.delete(sandboxId);
        });
      changes.set(sandboxId, settled);
      return updated;
    },
    async remove(sandboxId) {
      if (isPlainId(sandboxId)) await rm(pathOf(sandboxId), { force: true });
    },
  };
}

function isPlainId(sandboxId: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(sandboxId);
}

function parsed(text: string, path: string): SandboxRecord {
  try {
    const record = JSON.parse(text) as SandboxRecord;
    if (typeof record.sandboxId === "string" && typeof record.name === "string" && Array.isArray(record.launches))
      return record;
    throw new Error("it lacks what a record has");
  } catch (cause) {
    throw new BackendError({
      message: `The sandbox record ${path} is damaged`,
      fix: [`remove it when the session is gone: rm ${path}`],
      cause,
    });
  }
}
