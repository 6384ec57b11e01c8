import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { parseJson } from "@clauderon/core/host";
import { z } from "zod";

const manifest = z.object({ version: z.string() });

/** The version of this package as it is installed now; a process that was started from it asks once, at its start. */
export function ownVersion(): string {
  const path = createRequire(import.meta.url).resolve("@clauderon/proxy/package.json");
  return manifest.parse(parseJson(readFileSync(path, "utf8"), path)).version;
}
