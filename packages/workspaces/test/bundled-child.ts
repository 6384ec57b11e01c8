import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    bundles: string;
  }
}

const packageDirectory = join(import.meta.dirname, "..");
const bundler = join(packageDirectory, "../../tools/bundle-fixture.ts");

/** A program that dies at a point it is told, on the sources as they are, put into one file so that it starts fast. */
export function bundledChild(name = "crash-child"): string {
  const output = join(inject("bundles"), name);
  const source = join(import.meta.dirname, `${name}.fixture.ts`);
  if (!existsSync(output)) execFileSync(process.execPath, [bundler, source, packageDirectory, output]);
  return join(output, `${name}.fixture.mjs`);
}
