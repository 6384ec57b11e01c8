import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../../..");

test("the example of a program with the proxy in it works", { timeout: 120_000 }, async () => {
  const directory = await mkdtemp(join(tmpdir(), "clauderon-example-"));
  try {
    await cp(join(root, "examples/embed-proxy"), directory, { recursive: true });
    await mkdir(join(directory, "node_modules/@clauderon"), { recursive: true });
    await symlink(join(root, "packages/proxy"), join(directory, "node_modules/@clauderon/proxy"));
    const options = ["-C", "@clauderon/source", "--test", "--test-reporter=tap"];
    const { NODE_OPTIONS: _options, NODE_TEST_CONTEXT: _context, ...environment } = process.env;
    const { stdout } = await promisify(execFile)(process.execPath, options, { cwd: directory, env: environment });
    expect(stdout).toMatch(/^# pass 1$/m);
    expect(stdout).toMatch(/^# fail 0$/m);
  } finally {
    await rm(directory, { recursive: true });
  }
});
