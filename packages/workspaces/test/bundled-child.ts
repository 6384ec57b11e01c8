import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll } from "vitest";

const packageDirectory = join(import.meta.dirname, "..");
const bundler = join(packageDirectory, "../../tools/bundle-fixture.ts");
const output = mkdtempSync(join(tmpdir(), "clauderon-crash-child-"));

afterAll(() => {
  rmSync(output, { recursive: true, force: true, maxRetries: 10 });
});

/** A program that dies at a point it is told, on the sources as they are, put into one file so that it starts fast. */
export function bundledChild(name = "crash-child"): string {
  const program = join(output, "bundle", `${name}.fixture.mjs`);
  if (!existsSync(program))
    execFileSync(process.execPath, [
      bundler,
      join(import.meta.dirname, `${name}.fixture.ts`),
      packageDirectory,
      output,
    ]);
  return program;
}
