import { createHash, randomUUID } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { BackendError, type GuestProgram } from "@clauderon/core/contract";

export interface GuestProgramOptions {
  /** Where copies are kept, such as `guest` in clauderon's home: packages lose the executable bit, and may be replaced while a sandbox has its program mounted. */
  readonly directory: string;
  /** Where the built programs and their manifest are; default: those of this package. */
  readonly binaries?: string | undefined;
}

interface Manifest {
  readonly version: string;
  readonly programs: Readonly<Record<string, { readonly sha256: string }>>;
}

const mode = 0o755;

/** The guest of this package's version. Nothing is read before its first use. */
export function createGuestProgram(options: GuestProgramOptions): GuestProgram {
  const binaries = options.binaries ?? fileURLToPath(new URL("../dist/bin/", import.meta.url));
  let manifest: Manifest | undefined;
  const read = (): Manifest => (manifest ??= readManifest(binaries));
  return {
    get version() {
      return read().version;
    },
    pathFor({ os, architecture }) {
      const name = `${os}-${architecture}`;
      const wanted = read().programs[name]?.sha256;
      if (wanted === undefined) throw notBuilt(`there is none for ${name}`);
      const path = join(options.directory, wanted, "clauderon-guest");
      if (!isCopied(path, wanted)) copy(join(binaries, `clauderon-guest-${name}`), path, wanted);
      return path;
    },
  };
}

function readManifest(binaries: string): Manifest {
  try {
    return JSON.parse(readFileSync(join(binaries, "manifest.json"), "utf8")) as Manifest;
  } catch (error) {
    throw notBuilt(`${binaries} has no manifest of programs`, error);
  }
}

function isCopied(path: string, wanted: string): boolean {
  try {
    return (statSync(path).mode & 0o111) !== 0 && digest(readFileSync(path)) === wanted;
  } catch {
    // Not there: it will be.
    return false;
  }
}

function copy(from: string, to: string, wanted: string): void {
  let bytes: Buffer;
  try {
    bytes = readFileSync(from);
  } catch (error) {
    throw notBuilt(`${from} cannot be read`, error);
  }
  if (digest(bytes) !== wanted) throw notBuilt(`${from} is not the program that was built`);
  const directory = join(to, "..");
  const temporary = join(directory, `.${randomUUID()}`);
  mkdirSync(directory, { recursive: true, mode });
  try {
    writeFileSync(temporary, bytes, { mode });
    // Whatever the mask of this process takes away.
    chmodSync(temporary, mode);
    renameSync(temporary, to);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function notBuilt(why: string, cause?: unknown): BackendError {
  return new BackendError({
    message: "The program that runs inside sandboxes is missing",
    why,
    fix: ["install clauderon from npm, which has it built", "in a checkout: install Go 1.24 or newer, then pnpm build"],
    cause,
  });
}
