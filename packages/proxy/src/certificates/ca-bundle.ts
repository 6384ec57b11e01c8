import { randomUUID } from "node:crypto";
import { chmod, readFile, rename, rm, writeFile } from "node:fs/promises";
import { getCACertificates } from "node:tls";

import { SettingsError } from "@clauderon/core/contract";

import type { Authority } from "./authority.ts";

const certificatePattern = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/gu;
/** Sandboxes with users of their own read it; it holds certificates alone. */
const publicMode = 0o644;

/** The system's roots, or those that Node brings where the system has none. */
export function systemRoots(): readonly string[] {
  const system = getCACertificates("system");
  // Found once as a file and once in a directory, most come twice.
  return [...new Set(system.length > 0 ? system : getCACertificates("bundled"))];
}

/** Reads the certificates of the user's own authorities (`extra_ca`). */
export async function readExtraAuthorities(path: string): Promise<readonly string[]> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new SettingsError({
      message: `The certificates in ${path} (extra_ca) cannot be read`,
      why: (error as Error).message,
      fix: [`make ${path} readable, or remove extra_ca from proxy.toml`],
      cause: error,
    });
  });
  const certificates = text.match(certificatePattern);
  if (certificates === null)
    throw new SettingsError({
      message: `The file ${path} (extra_ca) holds no certificate`,
      fix: ["name a PEM file with at least one CERTIFICATE block"],
    });
  return certificates;
}

/** The text that the variables of a sandbox name: our authorities first, then the roots they replace, then the user's own. */
export function caBundle(authorities: readonly Authority[], roots: readonly string[]): string {
  return [...authorities.map(({ certificatePem }) => certificatePem), ...roots]
    .map((pem) => `${pem.trim()}\n`)
    .join("");
}

/** Writes what sandboxes read, when it differs: readers see the old or the new. */
export async function publishFile(path: string, content: Uint8Array): Promise<void> {
  const existing = await readFile(path).catch(() => undefined);
  if (existing?.equals(content) === true) return;
  const temporary = `${path}.${randomUUID()}`;
  try {
    await writeFile(temporary, content, { flag: "wx", mode: publicMode });
    await chmod(temporary, publicMode);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
