/** `pnpm test:proof [--deep] [filter…]`: the long proofs; with `--deep` as many cases as are claimed anywhere, which takes hours. The rest goes to vitest. */
import { spawn } from "node:child_process";

import { ROOT } from "./workspace-packages.ts";

const given = process.argv.slice(2);
const isDeep = given.includes("--deep");
const child = spawn("vitest", ["run", "--passWithNoTests", ...given.filter((argument) => argument !== "--deep")], {
  cwd: ROOT,
  env: { ...process.env, CLAUDERON_TESTS: "proof", ...(isDeep ? { CLAUDERON_DEEP: "1" } : {}) },
  stdio: "inherit",
});
child.on("error", (error) => {
  throw error;
});
child.on("close", (code) => {
  process.exitCode = code ?? 1;
});
