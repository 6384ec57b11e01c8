/** Everything a user installs or that is bundled into dist has a licence that permits it. */
import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";

import { report } from "./report.ts";
import { publishablePackages, readManifest } from "./workspace-packages.ts";
import type { Manifest } from "./workspace-packages.ts";

const ALLOWED = new Set([
  "0BSD",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "CC0-1.0",
  "ISC",
  "MIT",
  "Python-2.0",
  "Unlicense",
  "Zlib",
]);

/** devDependencies that are never part of dist; the other ones are bundled. */
const NOT_BUNDLED = /^(?:@types\/|drizzle-kit$)/;

function isAllowed(licence: string): boolean {
  const alternatives = licence.replaceAll(/[()]/g, "").split(" OR ");
  return alternatives.some((alternative) => alternative.split(" AND ").every((name) => ALLOWED.has(name.trim())));
}

function locate(name: string, from: string): string | undefined {
  for (let directory = from; ; directory = dirname(directory)) {
    const candidate = join(directory, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) {
      return realpathSync(candidate);
    }
    if (directory === dirname(directory)) {
      return undefined;
    }
  }
}

const seen = new Map<string, Manifest>();
const problems: string[] = [];

function visit(from: string, names: readonly string[], isOptional: (name: string) => boolean): void {
  for (const name of names) {
    const directory = locate(name, from);
    if (directory === undefined) {
      if (!isOptional(name)) {
        problems.push(`${name}, needed by ${from}, is not installed`);
      }
      continue;
    }
    if (seen.has(directory)) {
      continue;
    }
    const manifest = readManifest(directory);
    seen.set(directory, manifest);
    const licence = manifest.license ?? manifest.licenses?.map(({ type }) => type).join(" AND ") ?? "none";
    if (!isAllowed(licence)) {
      problems.push(`${manifest.name}@${manifest.version} has licence ${JSON.stringify(licence)}`);
    }
    visitDependencies(directory, manifest);
  }
}

function visitDependencies(directory: string, manifest: Manifest): void {
  const optional = Object.keys(manifest.optionalDependencies ?? {});
  visit(directory, [...Object.keys(manifest.dependencies ?? {}), ...optional], (name) => optional.includes(name));
}

for (const { directory, manifest } of publishablePackages()) {
  const bundled = Object.keys(manifest.devDependencies ?? {}).filter((name) => !NOT_BUNDLED.test(name));
  visitDependencies(directory, manifest);
  visit(directory, bundled, () => false);
}
report("licences", problems, `${seen.size} packages`);
