import { renameSync, rmSync } from "node:fs";
import { resolve } from "node:path";

import { build } from "tsdown";

import { keepModulePlaces } from "./keep-module-places.ts";

/**
 * Puts a program of a test and everything of ours that it imports into one file, so that starting it a hundred times does not read and strip the
 * sources a hundred times: `node tools/bundle-fixture.ts PROGRAM.ts PACKAGE OUTPUT [EXTERNAL…]` writes OUTPUT/PROGRAM.mjs. Native modules are
 * EXTERNAL: they stay imports. OUTPUT is there when it is whole; of two that make it at once, one does.
 */
const [program = "", packageDirectory = "", output = "", ...externals] = process.argv.slice(2);
const made = resolve(output);
const making = `${made}-${String(process.pid)}`;
await build({
  config: false,
  cwd: packageDirectory,
  entry: [resolve(program)],
  outDir: making,
  format: "esm",
  platform: "node",
  target: "node24",
  dts: false,
  logLevel: "warn",
  failOnWarn: true,
  deps: { alwaysBundle: [/^(?!node:)/], onlyBundle: false },
  plugins: [keepModulePlaces(externals)],
  inputOptions: { resolve: { conditionNames: ["@clauderon/source", "import", "node", "default"] } },
});
try {
  renameSync(making, made);
} catch (error) {
  if (!["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  rmSync(making, { recursive: true });
}
