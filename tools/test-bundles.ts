import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Directory of a run for programs of tests that are put into one file each; removed at its end. */
    bundles: string;
  }
}

/** Of the whole run and not of a file: workers take one file after the other, and are killed at the end. */
export default function setup(project: TestProject): () => void {
  const directory = mkdtempSync(join(tmpdir(), "clauderon-bundles-"));
  project.provide("bundles", directory);
  return () => {
    rmSync(directory, { recursive: true, force: true, maxRetries: 10 });
  };
}
