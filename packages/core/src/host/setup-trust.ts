import { createHash } from "node:crypto";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

import { FileError } from "../contract/errors/file-error.ts";
import { parseJson } from "../support/parse-json.ts";
import { makePrivateDirectory } from "./make-private-directory.ts";
import { replaceFile } from "./replace-file.ts";

/** A setup script that the user has trusted: this content, wherever it lies. */
export interface TrustedSetup {
  /** SHA-256 of the script, in hexadecimal digits. */
  readonly hash: string;
  /** Where it lay when it was trusted. */
  readonly repository: string;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** What the user has trusted, in the home. */
export interface SetupTrust {
  has(hash: string): Promise<boolean>;
  /** Newest first. */
  list(): Promise<readonly TrustedSetup[]>;
  /** Idempotent. */
  add(setup: TrustedSetup): Promise<void>;
  /** Idempotent. */
  remove(hash: string): Promise<void>;
}

/** Where a repository keeps its setup script. */
export const setupScriptPath = ".clauderon/setup";
/** Longer scripts are neither trusted nor run. */
export const maxSetupScriptBytes: number = 1024 * 1024;

/** What a script is trusted by. */
export function setupHash(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

const hashPattern = /^[0-9a-f]{64}$/u;

/** A file for each trusted content, so that two processes never write the same one. */
export function createSetupTrust(homeDirectory: string): SetupTrust {
  const directory = join(homeDirectory, "state", "trusted-setup");
  const place = (hash: string): string => join(directory, `${hash}.json`);
  const read = async (hash: string): Promise<TrustedSetup | undefined> => {
    if (!hashPattern.test(hash)) return undefined;
    const text = await readIfThere(place(hash));
    return text === undefined ? undefined : parseTrust(text, hash);
  };
  return {
    has: async (hash) => (await read(hash)) !== undefined,
    async list() {
      const found: TrustedSetup[] = [];
      for (const name of await namesIn(directory)) {
        const setup = await read(name.replace(/\.json$/u, ""));
        if (setup !== undefined) found.push(setup);
      }
      return found.toSorted((left, right) => right.at.localeCompare(left.at) || left.hash.localeCompare(right.hash));
    },
    async add(setup) {
      await makePrivateDirectory(directory);
      await replaceFile(place(setup.hash), JSON.stringify(setup));
    },
    async remove(hash) {
      if (hashPattern.test(hash)) await rm(place(hash), { force: true });
    },
  };
}

function parseTrust(text: string, hash: string): TrustedSetup | undefined {
  const value = readValue(text);
  if (typeof value !== "object" || value === null) return undefined;
  const { hash: written, repository, at }: Partial<Record<string, unknown>> = { ...value };
  return written === hash && typeof repository === "string" && typeof at === "string"
    ? { hash, repository, at }
    : undefined;
}

/** What was cut short or written over trusts nothing. */
function readValue(text: string): unknown {
  try {
    return parseJson(text, "a trusted setup");
  } catch (error) {
    if (FileError.isInstance(error)) return undefined;
    throw error;
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
