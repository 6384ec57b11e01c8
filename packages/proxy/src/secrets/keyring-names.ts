import { join } from "node:path";

import { readPrivateFile } from "./secret-file.ts";
import { writeSecretFile } from "./write-secret-file.ts";

const limitBytes = 64 * 1024;
const path = (directory: string): string => join(directory, ".keyring");

/** The names that were put into the keyring; asking it for every name would open its window for nothing. */
export function readKeyringNames(directory: string): readonly string[] {
  const file = readPrivateFile(path(directory), limitBytes);
  return file.kind === "bytes"
    ? Buffer.from(file.bytes)
        .toString("latin1")
        .split("\n")
        .filter((name) => name !== "")
    : [];
}

export async function writeKeyringNames(directory: string, names: readonly string[]): Promise<void> {
  await writeSecretFile(path(directory), [...new Set(names)].sort().join("\n"));
}
