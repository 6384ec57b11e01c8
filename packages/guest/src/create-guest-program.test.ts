import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { createGuestProgram } from "./index.ts";

const platform = { os: "linux", architecture: "arm64" } as const;
let home: string;
let binaries: string;
let directory: string;

function built(program: string, told = program): void {
  mkdirSync(binaries, { recursive: true });
  const sha256 = createHash("sha256").update(told).digest("hex");
  writeFileSync(join(binaries, "clauderon-guest-linux-arm64"), program, { mode: 0o644 });
  const programs = { "linux-arm64": { sha256, bytes: told.length } };
  writeFileSync(join(binaries, "manifest.json"), JSON.stringify({ version: "1.2.3", programs }));
}

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "clauderon-guest-"));
  binaries = join(home, "bin");
  directory = join(home, "guest");
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

test("gives an executable copy that stays when the package is replaced", () => {
  built("program");
  const guest = createGuestProgram({ directory, binaries });
  expect(guest.version).toBe("1.2.3");
  const path = guest.pathFor(platform);
  rmSync(binaries, { recursive: true });
  expect(readFileSync(path, "utf8")).toBe("program");
  expect(statSync(path).mode & 0o777).toBe(0o755);
  expect(guest.pathFor(platform)).toBe(path);
});

test("another build has another place, so that what a sandbox has mounted is never changed", () => {
  built("one");
  const first = createGuestProgram({ directory, binaries }).pathFor(platform);
  built("two");
  const second = createGuestProgram({ directory, binaries }).pathFor(platform);
  expect([readFileSync(first, "utf8"), readFileSync(second, "utf8")]).toEqual(["one", "two"]);
});

test("a copy that was damaged or cannot be run is made again", () => {
  built("program");
  const guest = createGuestProgram({ directory, binaries });
  const path = guest.pathFor(platform);
  writeFileSync(path, "damaged");
  expect(readFileSync(guest.pathFor(platform), "utf8")).toBe("program");
  chmodSync(path, 0o644);
  expect(statSync(guest.pathFor(platform)).mode & 0o111).toBe(0o111);
});

test.each([
  ["it was not built", () => undefined],
  ["the program is another than was built", () => built("changed", "program")],
  ["there is none for the platform", () => built("x")],
])("says what to do when %s", (what, prepare) => {
  prepare();
  const architecture = what.includes("platform") ? "x64" : "arm64";
  const ask = (): string => createGuestProgram({ directory, binaries }).pathFor({ os: "linux", architecture });
  expect(ask).toThrow("The program that runs inside sandboxes is missing");
  expect(ask).toThrow(expect.objectContaining({ fix: expect.arrayContaining([expect.stringContaining("npm")]) }));
});
