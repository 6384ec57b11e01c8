import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { run } from "../run.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "one-git-"));
  const config = {
    categories: { correctness: "off" },
    jsPlugins: [join(import.meta.dirname, "index.js")],
    rules: { "clauderon/one-git": "error" },
  };
  await writeFile(join(directory, "config.json"), JSON.stringify(config));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

async function findings(source: string): Promise<number> {
  const file = join(directory, "sample.ts");
  await writeFile(file, source);
  const { output } = await run("oxlint", ["--config", join(directory, "config.json"), "--format", "json", file]);
  const report = JSON.parse(output) as { diagnostics: readonly { code: string }[] };
  return report.diagnostics.filter((diagnostic) => diagnostic.code.includes("one-git")).length;
}

test.each([
  ["a runner", `runner.run("git", ["status"]);`],
  ["a stream", `runner.stream("git", args, options);`],
  ["a process", `spawn("/usr/bin/git", ["status"]);`],
  ["a program on Windows", 'execFile("C:\\\\git.exe", args);'],
  ["a template", "spawn(`git`, args);"],
  ["a constant", `const program = "git"; spawn(program, ["fetch"]);`],
  ["more than the version", `run("git", ["--version", name]);`],
])("%s that starts git is an error", async (_, source) => {
  expect(await findings(source)).toBe(1);
});

test.each([
  ["one of the two modes", `git.inspect(["status"]); git.act(["fetch"]);`],
  ["the version", `runner.run("git", ["--version"], { signal });`],
  ["git inside a sandbox", `sandbox.exec(["git", "status"]);`],
  ["a name", `ok("git", text); attempt("git", async () => 1); const kinds = ["git", "http"];`],
  ["another program", `run("gitk", ["--all"]);`],
])("%s is fine", async (_, source) => {
  expect(await findings(source)).toBe(0);
});

test("the modes' own file is the only exception in product code", async () => {
  const config = await readFile(join(import.meta.dirname, "..", "..", ".oxlintrc.json"), "utf8");
  const exceptions = [...config.matchAll(/"files": \[([^\]]*)\],\s*"rules": \{[^}]*"clauderon\/one-git": "off"/gu)];
  const files = exceptions.flatMap(([, list = ""]) => list.split(",").map((name) => name.trim().replaceAll('"', "")));
  expect(files.filter((name) => /\bsrc\b/u.test(name))).toEqual(["packages/workspaces/src/git.ts"]);
});
