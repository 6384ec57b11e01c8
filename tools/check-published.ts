/** publint and attw on the packed tarballs: what a user gets, not what lies in the workspace. Needs a build. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

import { packPackages } from "./pack-packages.ts";
import type { PackedPackage } from "./pack-packages.ts";
import { report } from "./report.ts";

/** ESM only: what `require` sees, and resolution without `exports`, are not supported. */
const IGNORED_RESOLUTIONS = new Set(["node10", "node16-cjs"]);
const IGNORED_PROBLEMS = new Set(["CJSResolvesToESM"]);

async function publintProblems({ manifest }: PackedPackage, data: Uint8Array): Promise<readonly string[]> {
  const tarball = Uint8Array.from(data).buffer;
  const { messages, pkg } = await publint({ pack: { tarball }, level: "warning", strict: true });
  return messages.map((message) => `${manifest.name}: ${formatMessage(message, pkg) ?? message.code}`);
}

async function typeProblems({ manifest }: PackedPackage, data: Uint8Array): Promise<readonly string[]> {
  if (manifest.bin !== undefined) {
    return [];
  }
  const result = await checkPackage(createPackageFromTarballData(data));
  if (!result.types) {
    return [`${manifest.name}: has no types`];
  }
  return result.problems
    .filter((problem) => !IGNORED_PROBLEMS.has(problem.kind))
    .filter((problem) => !("resolutionKind" in problem && IGNORED_RESOLUTIONS.has(problem.resolutionKind)))
    .map((problem) => `${manifest.name}: ${JSON.stringify(problem)}`);
}

const directory = await mkdtemp(join(tmpdir(), "clauderon-pack-"));
try {
  const packages = await packPackages(directory);
  const problems: string[] = [];
  for (const item of packages) {
    const data = new Uint8Array(await readFile(item.tarball));
    if (JSON.stringify(item.manifest.publishConfig).includes("@clauderon/source")) {
      problems.push(`${item.manifest.name}: the published exports name sources`);
    }
    problems.push(...(await publintProblems(item, data)), ...(await typeProblems(item, data)));
  }
  report("published", problems, `${packages.length} tarballs`);
} finally {
  await rm(directory, { recursive: true, force: true });
}
