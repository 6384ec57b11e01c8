import { existsSync } from "node:fs";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, it } from "vitest";

import { makePrivateDirectory } from "./make-private-directory.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "clauderon-private-"));
});
afterAll(() => rm(root, { recursive: true, force: true, maxRetries: 10 }));

it("makes what is missing for this user alone, and does nothing the second time", async () => {
  const path = join(root, "a", "b", "c");
  await makePrivateDirectory(path);
  await makePrivateDirectory(path);
  for (const made of [path, join(root, "a", "b"), join(root, "a")]) expect((await stat(made)).mode & 0o777).toBe(0o700);
});

it("refuses a file in its place, or above it", async () => {
  const file = join(root, "file");
  await writeFile(file, "");
  await expect(makePrivateDirectory(file)).rejects.toMatchObject({ code: "EEXIST" });
  await expect(makePrivateDirectory(join(file, "x", "y"))).rejects.toMatchObject({ code: "ENOTDIR" });
});

it.runIf(existsSync("/proc/self"))("gives up where nothing can be made", async () => {
  await expect(makePrivateDirectory("/proc/clauderon/home")).rejects.toMatchObject({ code: "ENOENT" });
});
