import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { BackendContext, SandboxId } from "@clauderon/core/contract";
import { parseJson, replaceFile } from "@clauderon/core/host";

/** What is remembered of a sandbox; no secret is among it. */
export interface SandboxRecord {
  readonly sandboxId: SandboxId;
  readonly instanceId: string;
  readonly name: string;
  readonly workspacePath: string;
  /** Variables that say where the user's zellij keeps its sockets, cache and configuration. */
  readonly places: Readonly<Record<string, string>>;
}

/** The records below `state/zellij`: one file a sandbox, and a directory for its launches. */
export class SandboxRecords {
  readonly #directory: string;
  readonly #context: BackendContext;

  constructor(context: BackendContext) {
    this.#context = context;
    this.#directory = join(context.homeDirectory, "state", "zellij");
  }

  /** Where a sandbox's launches are kept. */
  directory(sandboxId: SandboxId): string {
    return join(this.#directory, sandboxId);
  }

  /** `undefined` when there is none of this instance. */
  async read(sandboxId: SandboxId): Promise<SandboxRecord | undefined> {
    if (!/^[\w-]+$/u.test(sandboxId)) return undefined;
    const path = this.#path(sandboxId);
    const text = await unlessMissing(readFile(path, "utf8"));
    if (text === undefined) return undefined;
    const record = parseJson(text, path) as SandboxRecord;
    return record.instanceId === this.#context.instanceId ? record : undefined;
  }

  /** All of this instance, the unreadable ones left out. */
  async all(): Promise<readonly SandboxRecord[]> {
    const records: SandboxRecord[] = [];
    for (const name of (await unlessMissing(readdir(this.#directory))) ?? []) {
      if (!name.endsWith(".json")) continue;
      try {
        const record = await this.read(name.slice(0, -".json".length));
        if (record !== undefined) records.push(record);
      } catch (error) {
        this.#context.logger.warn({ file: name, error }, "a sandbox's record cannot be read");
      }
    }
    return records;
  }

  /** Durable when it resolves. */
  async write(record: SandboxRecord): Promise<void> {
    await mkdir(this.directory(record.sandboxId), { recursive: true, mode: 0o700 });
    await replaceFile(this.#path(record.sandboxId), `${JSON.stringify(record)}\n`);
  }

  /** The record goes last: what it leads to must be gone before. */
  async remove(sandboxId: SandboxId): Promise<void> {
    await rm(this.directory(sandboxId), { recursive: true, force: true, maxRetries: 5 });
    await rm(this.#path(sandboxId), { force: true });
  }

  async isStopped(sandboxId: SandboxId): Promise<boolean> {
    return (await unlessMissing(readFile(this.#stoppedMark(sandboxId)))) !== undefined;
  }

  async setStopped(sandboxId: SandboxId, isStopped: boolean): Promise<void> {
    const path = this.#stoppedMark(sandboxId);
    if (isStopped) await unlessMissing(writeFile(path, "", { mode: 0o600 }));
    else await rm(path, { force: true });
  }

  #path(sandboxId: SandboxId): string {
    return join(this.#directory, `${sandboxId}.json`);
  }

  #stoppedMark(sandboxId: SandboxId): string {
    return join(this.directory(sandboxId), "stopped");
  }
}

/** The value, or `undefined` when the file or directory is not there. */
export async function unlessMissing<Value>(promise: Promise<Value>): Promise<Value | undefined> {
  try {
    return await promise;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
