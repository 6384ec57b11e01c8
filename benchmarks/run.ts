/**
 * `pnpm bench [name…] [options]`: runs each `*.bench.ts` here in its own process, one after the other. A name also stands for all that begin with it and a
 * dash (`proxy` for `proxy-rates` and its siblings); options go to the benchmarks. A benchmark prints one JSON value as its last line of output; it is kept in
 * results/<name>.json with the machine it was measured on.
 */
import { spawn } from "node:child_process";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, totalmem } from "node:os";
import { join } from "node:path";

const DIRECTORY = import.meta.dirname;
const RESULTS = join(DIRECTORY, "results");
const SUFFIX = ".bench.ts";

const machine = {
  node: process.version,
  platform: `${process.platform}-${process.arch}`,
  cpu: cpus()[0]?.model ?? "unknown",
  cores: availableParallelism(),
  memoryBytes: totalmem(),
};

function measure(file: string): Promise<{ exitCode: number; output: string }> {
  return new Promise((resolve, reject) => {
    const argv = ["--conditions", "@clauderon/source", "--expose-gc", join(DIRECTORY, file), ...options];
    const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on("error", reject);
    child.on("close", (code) => {
      resolve({ exitCode: code ?? 1, output });
    });
  });
}

const firstOption = process.argv.findIndex((argument, index) => index > 1 && argument.startsWith("--"));
const wanted = process.argv.slice(2, firstOption === -1 ? undefined : firstOption);
const options = firstOption === -1 ? [] : process.argv.slice(firstOption);
const isNamed = (file: string, name: string): boolean => file === name + SUFFIX || file.startsWith(`${name}-`);
const files = (await readdir(DIRECTORY)).filter((file) => file.endsWith(SUFFIX)).toSorted();
const missing = wanted.filter((name) => !files.some((file) => isNamed(file, name)));
if (missing.length > 0) {
  console.error(`no such benchmark: ${missing.join(", ")}. There are: ${files.join(", ") || "none"}`);
  process.exit(2);
}

await mkdir(RESULTS, { recursive: true });
let failures = 0;
for (const file of files) {
  const name = file.slice(0, -SUFFIX.length);
  if (wanted.length > 0 && !wanted.some((one) => isNamed(file, one))) {
    continue;
  }
  console.log(`— ${name}`);
  const { exitCode, output } = await measure(file);
  if (exitCode !== 0) {
    failures += 1;
    console.error(`${name} ended with ${exitCode}\n${output}`);
    continue;
  }
  const lastLine = output.trimEnd().split("\n").at(-1) ?? "";
  const result: unknown = JSON.parse(lastLine);
  const record = { name, measuredAt: new Date().toISOString(), machine, result };
  await writeFile(join(RESULTS, `${name}.json`), `${JSON.stringify(record, null, 2)}\n`);
  console.log(JSON.stringify(result, null, 2));
}
console.log(files.length === 0 ? "no benchmarks yet" : `results in ${RESULTS}`);
process.exitCode = failures === 0 ? 0 : 1;
