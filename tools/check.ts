/** `pnpm check [step…]`: every gate that needs no test run. All steps run; the exit code tells whether all passed. */
import { run } from "./run.ts";

interface Step {
  readonly name: string;
  readonly argv: readonly [program: string, ...rest: string[]];
}

const steps: readonly Step[] = [
  { name: "lint", argv: ["oxlint", "--type-aware"] },
  { name: "format", argv: ["oxfmt", "--check"] },
  { name: "types", argv: ["tsc", "-b"] },
  { name: "knip", argv: ["knip", "--no-config-hints"] },
  { name: "sherif", argv: ["sherif", "--fail-on-warnings"] },
  { name: "shape", argv: ["node", "tools/check-package-shape.ts"] },
  { name: "licences", argv: ["node", "tools/check-licences.ts"] },
  { name: "changesets", argv: ["node", "tools/check-changesets.ts"] },
  { name: "build", argv: ["turbo", "run", "build", "--output-logs=errors-only"] },
  { name: "published", argv: ["node", "tools/check-published.ts"] },
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0) {
  console.error(`no such step: ${unknown.join(", ")}. Steps: ${steps.map((step) => step.name).join(", ")}`);
  process.exit(2);
}

const failed: string[] = [];
for (const step of steps) {
  if (wanted.length > 0 && !wanted.includes(step.name)) {
    continue;
  }
  const [program, ...argv] = step.argv;
  const startedAt = performance.now();
  const { exitCode, output } = await run(program, argv);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${exitCode === 0 ? "ok  " : "FAIL"} ${step.name.padEnd(10)} ${seconds.padStart(5)} s`);
  if (exitCode !== 0) {
    failed.push(step.name);
    console.log(output.trimEnd());
  }
}

if (failed.length > 0) {
  console.error(`failed: ${failed.join(", ")}`);
  process.exitCode = 1;
}
