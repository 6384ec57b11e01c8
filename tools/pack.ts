/** `pnpm run pack`: builds, then writes every publishable package as artifacts/*.tgz. */
import { stat } from "node:fs/promises";
import { join, relative } from "node:path";

import { packPackages } from "./pack-packages.ts";
import { runOrThrow } from "./run.ts";
import { ROOT } from "./workspace-packages.ts";

await runOrThrow("turbo", ["run", "build", "--output-logs=errors-only"]);
for (const { tarball } of await packPackages(join(ROOT, "artifacts"))) {
  const { size } = await stat(tarball);
  console.log(`${(size / 1024).toFixed(1).padStart(8)} KiB  ${relative(ROOT, tarball)}`);
}
