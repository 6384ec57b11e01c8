import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { Migration } from "./migrate.ts";

/** The package's migrations, in order. They lie beside both `src` and `dist`. */
export function readMigrations(): readonly Migration[] {
  const directory = fileURLToPath(new URL("../migrations/", import.meta.url));
  return readdirSync(directory)
    .filter((name) => name.endsWith(".sql"))
    .toSorted()
    .map((name) => ({ name, sql: readFileSync(`${directory}${name}`, "utf8") }));
}
