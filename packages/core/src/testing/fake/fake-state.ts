import { randomUUID } from "node:crypto";
import { access, link, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { SandboxId, SandboxSpec } from "../../contract/sandbox-spec.ts";
import { isProcessRunning, type KeeperAddress } from "../../host/index.ts";

/** What is written about a sandbox; its environment is not. */
export interface FakeRecord {
  readonly instanceId: string;
  readonly sandboxId: SandboxId;
  readonly name: string;
  readonly workspace: SandboxSpec["workspace"];
}

const recordFile = "sandbox.json";
const stoppedFile = "stopped";
const halfMade = ".making-";

/** Where the sandboxes of one home lie: a directory each, named by id; `.making-<id>-<pid>-…` while one is made. */
export class FakeState {
  readonly directory: string;

  constructor(homeDirectory: string, backendId: string) {
    this.directory = join(homeDirectory, "state", backendId);
  }

  sandboxDirectory(sandboxId: SandboxId): string {
    return join(this.directory, sandboxId);
  }

  async newDirectory(sandboxId: SandboxId): Promise<string> {
    const directory = join(this.directory, `${halfMade}${sandboxId}-${process.pid}-${randomUUID().slice(0, 8)}`);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return directory;
  }

  async read(sandboxId: SandboxId): Promise<FakeRecord | undefined> {
    return await readJson<FakeRecord>(join(this.sandboxDirectory(sandboxId), recordFile));
  }

  /** Whole sandboxes and half-made ones whose maker has died. One that was not even written down is removed. */
  async all(): Promise<readonly { readonly record: FakeRecord; readonly isHalfMade: boolean }[]> {
    const found: { record: FakeRecord; isHalfMade: boolean }[] = [];
    for (const name of await entries(this.directory)) {
      const isHalfMade = name.startsWith(halfMade);
      if (isHalfMade && isProcessRunning(makerOf(name))) continue;
      const record = await readJson<FakeRecord>(join(this.directory, name, recordFile));
      if (record === undefined) {
        if (isHalfMade) await rm(join(this.directory, name), { recursive: true, force: true });
        continue;
      }
      found.push({ record, isHalfMade });
    }
    const whole = new Set(found.filter((entry) => !entry.isHalfMade).map(({ record }) => record.sandboxId));
    return found.filter((entry) => !entry.isHalfMade || !whole.has(entry.record.sandboxId));
  }

  /** What makers that died have left of the sandbox. */
  async remains(sandboxId: SandboxId): Promise<readonly string[]> {
    const names = await entries(this.directory);
    return names
      .filter((name) => name.startsWith(`${halfMade}${sandboxId}-`) && !isProcessRunning(makerOf(name)))
      .map((name) => join(this.directory, name));
  }
}

export async function writeRecord(directory: string, record: FakeRecord): Promise<void> {
  await writeFile(join(directory, recordFile), JSON.stringify(record), { mode: 0o600 });
}

/** The latest keeper that was recorded, and its number. */
export async function readKeeper(
  directory: string,
): Promise<{ readonly address: KeeperAddress; readonly number: number } | undefined> {
  const numbers = (await entries(directory)).map((name) => Number(/^keeper-(\d+)\.json$/u.exec(name)?.[1] ?? 0));
  const number = Math.max(0, ...numbers);
  const address = await readJson<KeeperAddress>(join(directory, `keeper-${number}.json`));
  return address === undefined ? undefined : { address, number };
}

/** Records the keeper under the number; false when somebody else was first. */
export async function recordKeeper(directory: string, number: number, address: KeeperAddress): Promise<boolean> {
  return await placeOnce(directory, `keeper-${number}.json`, JSON.stringify(address));
}

/** Records the launch; false when it was recorded before. */
export async function recordLaunch(directory: string, launchId: string): Promise<boolean> {
  return await placeOnce(directory, `launch-${encodeURIComponent(launchId)}`, new Date().toISOString());
}

/** The launch recorded last. */
export async function lastLaunch(
  directory: string,
): Promise<{ readonly launchId: string; readonly startedAt: Date } | undefined> {
  const launches: { launchId: string; startedAt: Date }[] = [];
  for (const name of (await entries(directory)).filter((entry) => entry.startsWith("launch-"))) {
    const written = await readUnlessGone(join(directory, name));
    if (written === undefined) continue;
    launches.push({ launchId: decodeURIComponent(name.slice("launch-".length)), startedAt: new Date(written) });
  }
  return launches.sort((left, right) => left.startedAt.getTime() - right.startedAt.getTime()).at(-1);
}

/** A sandbox may be destroyed while it is looked at. */
async function readUnlessGone(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export async function forgetLaunch(directory: string, launchId: string): Promise<void> {
  await rm(join(directory, `launch-${encodeURIComponent(launchId)}`), { force: true });
}

export async function isStopped(directory: string): Promise<boolean> {
  return await exists(join(directory, stoppedFile));
}

export async function setStopped(directory: string, isWanted: boolean): Promise<void> {
  if (isWanted) await writeFile(join(directory, stoppedFile), "");
  else await rm(join(directory, stoppedFile), { force: true });
}

export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

async function placeOnce(directory: string, name: string, content: string): Promise<boolean> {
  const temporary = join(directory, `.${randomUUID()}`);
  await writeFile(temporary, content, { mode: 0o600 });
  try {
    await link(temporary, join(directory, name));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function entries(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

async function readJson<Value>(path: string): Promise<Value | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Value;
  } catch {
    // Missing, or cut off by a crash: as good as not there.
    return undefined;
  }
}

function makerOf(name: string): number {
  return Number(name.split("-").at(-2));
}
