/** `node tools/sum-reports.ts DIRECTORY`: adds up vitest's JSON reports into one line, and names what failed or was skipped. */
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

const [directory = "."] = process.argv.slice(2);
const counts = { passed: 0, failed: 0, skipped: 0 };
for (const file of await readdir(directory)) {
  const report = JSON.parse(await readFile(path.join(directory, file), "utf8")) as Report;
  for (const suite of report.testResults) {
    // A file that could not be loaded has no tests of its own to count.
    if (suite.status === "failed" && suite.assertionResults.every((test) => test.status === "passed")) {
      counts.failed += 1;
      console.log(`failed: ${suite.name} ${suite.message ?? ""}`);
    }
    for (const test of suite.assertionResults) {
      const outcome = test.status === "passed" || test.status === "failed" ? test.status : "skipped";
      counts[outcome] += 1;
      if (outcome !== "passed") console.log(`${outcome}: ${test.fullName}`);
    }
  }
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.passed > 0 && counts.failed === 0 ? 0 : 1;
