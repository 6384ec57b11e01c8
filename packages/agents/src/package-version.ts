import { readFile, realpath } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { parseJson } from "@clauderon/core/host";

import { objectIn } from "./claude-files.ts";

/** The version of the npm package a program belongs to: known at once, where asking an agent takes seconds. `undefined` when it is of none. */
export async function packageVersion(program: string): Promise<string | undefined> {
  const real = await realpath(program);
  for (let directory = dirname(real); directory !== dirname(directory); directory = dirname(directory)) {
    const manifest = await readManifest(join(directory, "package.json"));
    if (manifest === undefined) continue;
    // Whatever lies around a program is not its package unless it says so.
    const bins = typeof manifest["bin"] === "string" ? [manifest["bin"]] : Object.values(objectIn(manifest, "bin"));
    const isItsOwn = bins.some((bin) => typeof bin === "string" && resolve(directory, bin) === real);
    return isItsOwn && typeof manifest["version"] === "string" ? manifest["version"] : undefined;
  }
  return undefined;
}

async function readManifest(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    return objectIn({ manifest: parseJson(await readFile(path, "utf8"), path) }, "manifest");
  } catch {
    // None here, or not one that tells anything.
    return undefined;
  }
}
