import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { runOrThrow } from "./run.ts";
import { publishablePackages } from "./workspace-packages.ts";
import type { WorkspacePackage } from "./workspace-packages.ts";

export interface PackedPackage extends WorkspacePackage {
  readonly tarball: string;
}

/** Writes the built packages into an emptied `directory`, exactly as they would be published. */
export async function packPackages(directory: string): Promise<readonly PackedPackage[]> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const packed: PackedPackage[] = [];
  for (const item of publishablePackages()) {
    await runOrThrow("pnpm", ["pack", "--pack-destination", directory], item.directory);
    const { name, version } = item.manifest;
    packed.push({ ...item, tarball: join(directory, `${name.replace("@", "").replace("/", "-")}-${version}.tgz`) });
  }
  return packed;
}
