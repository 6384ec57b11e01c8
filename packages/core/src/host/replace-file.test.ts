import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { replaceFile } from "./replace-file.ts";

let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "clauderon-replace-"));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

test("a new file has the mode asked for, an old one keeps its own", async () => {
  const path = join(directory, "file");
  await replaceFile(path, "one");
  expect([readFileSync(path, "utf8"), statSync(path).mode & 0o777]).toEqual(["one", 0o600]);
  chmodSync(path, 0o640);
  await replaceFile(path, "two");
  expect([readFileSync(path, "utf8"), statSync(path).mode & 0o777]).toEqual(["two", 0o640]);
  expect(readdirSync(directory)).toEqual(["file"]);
});

test("through a link the file it names is replaced", async () => {
  writeFileSync(join(directory, "real"), "old");
  symlinkSync("real", join(directory, "link"));
  await replaceFile(join(directory, "link"), "new");
  expect(readFileSync(join(directory, "real"), "utf8")).toBe("new");
  expect(readdirSync(directory).toSorted()).toEqual(["link", "real"]);
});

test("what cannot be written rejects and leaves nothing", async () => {
  await expect(replaceFile(join(directory, "absent", "file"), "x")).rejects.toThrow(/ENOENT/);
  expect(readdirSync(directory)).toEqual([]);
});
