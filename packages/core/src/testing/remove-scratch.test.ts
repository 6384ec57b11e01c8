import { existsSync } from "node:fs";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { removeScratch } from "./remove-scratch.ts";

const failing = (code: string) => (): Promise<void> => Promise.reject(Object.assign(new Error(code), { code }));

test("a directory goes with all in it, and a missing one is no error", async () => {
  const directory = await mkdtemp(join(tmpdir(), "remove-scratch-"));
  await mkdir(join(directory, "sub"));
  await writeFile(join(directory, "sub", "file"), "x");
  await removeScratch(directory);
  expect(existsSync(directory)).toBe(false);
  await removeScratch(directory);
});

test("files of another user do not fail the run, anything else does", async () => {
  await expect(removeScratch("/run-of-the-kit", failing("EACCES"))).resolves.toBeUndefined();
  await expect(removeScratch("/run-of-the-kit", failing("EPERM"))).resolves.toBeUndefined();
  await expect(removeScratch("/run-of-the-kit", failing("EBUSY"))).rejects.toThrow("EBUSY");
});
