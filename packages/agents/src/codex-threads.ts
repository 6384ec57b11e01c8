import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { parseJson } from "@clauderon/core/host";

import { objectIn } from "./claude-files.ts";
import { listDirectory } from "./list-directory.ts";

/** What was there before the session began: threads of the same directory by an earlier session or the user's own hand. */
export interface ThreadsBefore {
  /** `YYYY/MM/DD`, two days before the start: a day's directory is named in the agent's local time. */
  readonly since: string;
  /** File names from then on. */
  readonly known: readonly string[];
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Threads lie in `sessions/YYYY/MM/DD/rollout-<time>-<thread id>.jsonl`. */
function sessionsDirectory(environment: Readonly<Record<string, string | undefined>>): string {
  return join(environment["CODEX_HOME"] || join(environment["HOME"] ?? "/", ".codex"), "sessions");
}

/** To be kept with the session at its first start. */
export async function threadsBefore(
  environment: Readonly<Record<string, string | undefined>>,
  now: Date,
): Promise<ThreadsBefore> {
  const since = new Date(now.getTime() - 2 * DAY_MS).toISOString().slice(0, 10).replaceAll("-", "/");
  const files = await rolloutsSince(sessionsDirectory(environment), since);
  return { since, known: files.map((file) => file.name) };
}

/** The newest thread of the user (not one that Codex runs for itself) that began in the directory, by any of its names, after what was there before. */
export async function findThread(
  environment: Readonly<Record<string, string | undefined>>,
  directories: readonly string[],
  before: ThreadsBefore,
): Promise<string | undefined> {
  const known = new Set(before.known);
  const files = await rolloutsSince(sessionsDirectory(environment), before.since);
  const fresh = files.filter((file) => !known.has(file.name)).toSorted((a, b) => (a.name < b.name ? 1 : -1));
  for (const file of fresh) {
    const meta = await readMeta(file.path);
    const isOfUser = meta["thread_source"] === undefined || meta["thread_source"] === "user";
    if (directories.includes(String(meta["cwd"])) && isOfUser && typeof meta["id"] === "string") return meta["id"];
  }
  return undefined;
}

/** What a session kept by `threadsBefore`; everything counts as new when that is gone. */
export async function readThreadsBefore(path: string): Promise<ThreadsBefore> {
  try {
    const value = parseJson(await readFile(path, "utf8"), path) as Partial<ThreadsBefore>;
    return { since: value.since ?? "", known: value.known ?? [] };
  } catch {
    // Lost with the session's directory: the thread is then known by the session's working directory alone.
    return { since: "", known: [] };
  }
}

async function rolloutsSince(
  root: string,
  since: string,
): Promise<readonly { readonly name: string; readonly path: string }[]> {
  const files = [];
  for (const year of await numbersIn(root, since.slice(0, 4))) {
    for (const month of await numbersIn(join(root, year), "")) {
      if (`${year}/${month}` < since.slice(0, 7)) continue;
      for (const day of await numbersIn(join(root, year, month), "")) {
        if (`${year}/${month}/${day}` < since) continue;
        const directory = join(root, year, month, day);
        for (const name of await listDirectory(directory)) {
          if (name.startsWith("rollout-") && name.endsWith(".jsonl")) files.push({ name, path: join(directory, name) });
        }
      }
    }
  }
  return files;
}

async function numbersIn(directory: string, from: string): Promise<readonly string[]> {
  return (await listDirectory(directory)).filter((name) => /^\d+$/.test(name) && name >= from);
}

/** The first line says whose thread it is. */
async function readMeta(path: string): Promise<Readonly<Record<string, unknown>>> {
  const stream = createReadStream(path);
  try {
    for await (const line of createInterface({ input: stream })) return objectIn(parseJson(line, path), "payload");
  } catch {
    // Being written, or of another version: not one that can be told to be ours.
  } finally {
    stream.destroy();
  }
  return {};
}
