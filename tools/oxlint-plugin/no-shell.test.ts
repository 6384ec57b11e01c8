import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { run } from "../run.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "no-shell-"));
  const config = {
    categories: { correctness: "off" },
    jsPlugins: [join(import.meta.dirname, "index.js")],
    rules: { "clauderon/no-shell": "error" },
  };
  await writeFile(join(directory, "config.json"), JSON.stringify(config));
});

afterEach(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));

async function findings(source: string): Promise<number> {
  const file = join(directory, "sample.ts");
  await writeFile(file, source);
  const { output } = await run("oxlint", ["--config", join(directory, "config.json"), "--format", "json", file]);
  const report = JSON.parse(output) as { diagnostics: readonly { code: string }[] };
  return report.diagnostics.filter((diagnostic) => diagnostic.code.includes("no-shell")).length;
}

test.each([
  ["a shell option", `spawn("ls", [], { shell: true });`],
  ["an exec import", `import { exec } from "node:child_process";`],
  ["an execSync call on the module", `import * as child from "node:child_process"; child.execSync("ls");`],
  ["a script from a template", 'run("sh", ["-c", `rm ${name}`]);'],
  ["a script from a sum, with more flags", `const argv = ["/bin/bash", "-lc", "rm " + name];`],
])("%s is an error", async (_, source) => {
  expect(await findings(source)).toBe(1);
});

test.each([
  ["an argument array", `spawn("ls", [name], { shell: false });`],
  ["a constant script with arguments", `run("sh", ["-c", 'rm "$1"', "sh", name]);`],
  ["-c of another program", 'run("git", ["-c", `user.name=${name}`]);'],
  ["exec of something else", `/a/.exec(name); sandbox.exec(["ls"]);`],
])("%s is fine", async (_, source) => {
  expect(await findings(source)).toBe(0);
});
