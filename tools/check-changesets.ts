/** A change that users can notice has a changeset; without a base branch to compare with, only the files are read. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

import { report } from "./report.ts";
import { run } from "./run.ts";
import { publishablePackages, ROOT } from "./workspace-packages.ts";

interface Config {
  readonly baseBranch: string;
  readonly fixed: readonly (readonly string[])[];
  readonly ignore: readonly string[];
}

const DIRECTORY = join(ROOT, ".changeset");
const BUMP = /^["']?(?<name>[^"':]+)["']?: (?:major|minor|patch)$/;
const names = new Set(publishablePackages().map((item) => item.manifest.name));
const config = JSON.parse(await readFile(join(DIRECTORY, "config.json"), "utf8")) as Config;

async function baseRevision(): Promise<string | undefined> {
  const remote = `origin/${config.baseBranch}`;
  const base = await run("git", ["merge-base", "HEAD", remote]);
  return base.exitCode === 0 ? remote : undefined;
}

async function fileProblems(): Promise<readonly string[]> {
  const problems = [...config.fixed.flat(), ...config.ignore]
    .filter((name) => !names.has(name))
    .map((name) => `config.json names ${name}, which is no publishable package`);
  const files = (await readdir(DIRECTORY)).filter((file) => file.endsWith(".md") && file !== "README.md");
  for (const file of files) {
    const [, header = "", text = ""] = (await readFile(join(DIRECTORY, file), "utf8")).split(/^---$/m);
    const lines = header.split("\n").filter((line) => line.trim() !== "");
    for (const line of lines) {
      const name = BUMP.exec(line.trim())?.groups?.["name"];
      if (name === undefined || !names.has(name)) {
        problems.push(`${file}: "${line}" is not "<package>: major|minor|patch"`);
      }
    }
    if (lines.length > 0 && text.trim() === "") {
      problems.push(`${file}: says nothing about the change`);
    }
  }
  return problems;
}

const problems = [...(await fileProblems())];
const base = await baseRevision();
if (base !== undefined) {
  const status = await run("changeset", ["status", `--since=${base}`]);
  if (status.exitCode !== 0) {
    problems.push(status.output.trim());
  }
}
report("changesets", problems, base === undefined ? "no base branch; files are valid" : `compared with ${base}`);
