import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { AgentLaunch } from "@clauderon/core/contract";
import { parseJson, replaceFile } from "@clauderon/core/host";

import { LaunchMarks } from "./launch-marks.ts";
import { unlessMissing } from "./sandbox-records.ts";

interface LaunchFile {
  readonly launchId: string;
  readonly mode: AgentLaunch["mode"];
  /** Grows from launch to launch. */
  readonly number: number;
  readonly startedAt: string;
  /** The process that began it. */
  readonly owner: number;
}

/** A launch as remembered, and its marks. */
export interface KnownLaunch extends LaunchFile {
  readonly directory: string;
  readonly marks: LaunchMarks;
}

/** The launches of one sandbox: a directory each, there before anything is started. */
export class Launches {
  readonly #directory: string;

  constructor(sandboxDirectory: string) {
    this.#directory = join(sandboxDirectory, "launches");
  }

  /** The latest one. */
  async last(): Promise<KnownLaunch | undefined> {
    const all = await this.#all();
    return all.reduce<KnownLaunch | undefined>(
      (latest, launch) => (latest === undefined || launch.number > latest.number ? launch : latest),
      undefined,
    );
  }

  async find(launchId: string): Promise<KnownLaunch | undefined> {
    if (!/^[\w-]+$/u.test(launchId)) return undefined;
    const directory = join(this.#directory, launchId);
    const path = join(directory, "launch.json");
    const text = await unlessMissing(readFile(path, "utf8"));
    if (text === undefined) return undefined;
    return { ...(parseJson(text, path) as LaunchFile), directory, marks: new LaunchMarks(directory) };
  }

  /** Remembers the launch; false when it was remembered before, whoever did. */
  async begin(launch: Pick<AgentLaunch, "launchId" | "mode">, startedAt: Date): Promise<boolean> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const number = ((await this.last())?.number ?? 0) + 1;
    const temporary = join(this.#directory, `.new-${randomUUID()}`);
    const { launchId, mode } = launch;
    const file: LaunchFile = { launchId, mode, number, startedAt: startedAt.toISOString(), owner: process.pid };
    await mkdir(temporary, { mode: 0o700 });
    try {
      await replaceFile(join(temporary, "launch.json"), `${JSON.stringify(file)}\n`);
      await rename(temporary, join(this.#directory, launchId));
      return true;
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      if (["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
      throw error;
    }
  }

  /** As if it had never been asked for. */
  async forget(launchId: string): Promise<void> {
    await rm(join(this.#directory, launchId), { recursive: true, force: true });
  }

  /** What the terminal last showed, kept when its session ends. */
  async keepText(launch: KnownLaunch, text: string): Promise<void> {
    await unlessMissing(writeFile(join(launch.directory, "text"), text, { mode: 0o600 }));
  }

  async keptText(launch: KnownLaunch): Promise<string> {
    return (await unlessMissing(readFile(join(launch.directory, "text"), "utf8"))) ?? "";
  }

  async #all(): Promise<readonly KnownLaunch[]> {
    const names = (await unlessMissing(readdir(this.#directory))) ?? [];
    const launches = await Promise.all(names.map((name) => this.find(name)));
    return launches.filter((launch) => launch !== undefined);
  }
}
