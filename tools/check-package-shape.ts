/** Every publishable package has the fields a user and the registry rely on. */
import { existsSync } from "node:fs";
import { join, relative } from "node:path";

import { report } from "./report.ts";
import { publishablePackages, ROOT } from "./workspace-packages.ts";
import type { Manifest, WorkspacePackage } from "./workspace-packages.ts";

const NODE_RANGE = "^24.11 || >=26";
const SOURCE_CONDITION = "@clauderon/source";
/** What may ship beside dist. */
const EXTRA_FILES = new Set(["bin", "migrations"]);

function problemsOf({ directory, manifest }: WorkspacePackage): readonly string[] {
  const expectations: readonly (readonly [isMet: boolean, text: string])[] = [
    [existsSync(join(directory, "README.md")), "has no README.md"],
    [manifest.license === "MIT", 'license must be "MIT"'],
    [manifest.type === "module", 'type must be "module"'],
    [manifest.files?.[0] === "dist", 'files must start with "dist"'],
    [
      (manifest.files ?? []).slice(1).every((file) => EXTRA_FILES.has(file)),
      "files ships more than dist, bin, migrations",
    ],
    [manifest.sideEffects === false, "sideEffects must be false"],
    [manifest.engines?.["node"] === NODE_RANGE, `engines.node must be "${NODE_RANGE}"`],
    [manifest.publishConfig?.access === "public", 'publishConfig.access must be "public"'],
    [manifest.publishConfig?.provenance === true, "publishConfig.provenance must be true"],
    [manifest.scripts?.["build"] !== undefined, "has no build script"],
    [!/(?:pre|post)?install/.test(Object.keys(manifest.scripts ?? {}).join(" ")), "has an install script"],
  ];
  return [...expectations.filter(([isMet]) => !isMet).map(([, text]) => text), ...exportProblems(manifest)];
}

function exportProblems(manifest: Manifest): readonly string[] {
  const published = manifest.publishConfig?.exports ?? {};
  const expected = Object.fromEntries(
    Object.entries(manifest.exports ?? {}).map(([path, target]) => [path, withoutSource(target)]),
  );
  const problems = Object.entries(manifest.exports ?? {})
    .filter(([, target]) => typeof target === "object" && target !== null)
    .filter(([, target]) => Object.keys(target as object)[0] !== SOURCE_CONDITION)
    .map(([path]) => `exports["${path}"] must name ${SOURCE_CONDITION} first`);
  if (JSON.stringify(published) !== JSON.stringify(expected)) {
    problems.push(`publishConfig.exports must equal exports without ${SOURCE_CONDITION}`);
  }
  return problems;
}

function withoutSource(target: unknown): unknown {
  if (typeof target !== "object" || target === null) {
    return target;
  }
  return Object.fromEntries(Object.entries(target).filter(([condition]) => condition !== SOURCE_CONDITION));
}

const packages = publishablePackages();
const problems = packages.flatMap((item) =>
  problemsOf(item).map((problem) => `${relative(ROOT, item.directory)}: ${problem}`),
);
report("shape", problems, `${packages.length} packages`);
