import { join, resolve } from "node:path";

import { build } from "tsdown";

import { keepModulePlaces } from "./keep-module-places.ts";

/**
 * Puts a program of a test and everything of ours that it imports into one file, so that starting it a hundred times does not read and strip the
 * sources a hundred times: `node tools/bundle-fixture.ts PROGRAM.ts PACKAGE OUTPUT [EXTERNAL…]` writes OUTPUT/bundle/PROGRAM.mjs. Native modules
 * are EXTERNAL: they stay imports.
 */
const [program = "", packageDirectory = "", output = "", ...externals] = process.argv.slice(2);
await build({
  config: false,
  cwd: packageDirectory,
  entry: [resolve(program)],
  outDir: join(resolve(output), "bundle"),
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
