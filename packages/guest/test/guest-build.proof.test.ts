import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { createGuestProgram } from "../src/index.ts";
import { buildGuest, goDirectory, hasGo } from "./required-go.ts";

const isDeep = process.env["CLAUDERON_DEEP"] === "1";
const inputs = isDeep ? 1_000_000 : 50_000;

describe.runIf(hasGo("the proofs of the guest"))("the guest's program", () => {
  test("is the same from two places, static, and no larger than 5 MiB", () => {
    const copy = mkdtempSync(join(tmpdir(), "clauderon-guest-source-"));
    try {
      for (const name of ["go", "build-guest.ts", "missing-go.ts", "package.json"])
        cpSync(join(goDirectory, "..", name), join(copy, name), { recursive: true });
      using first = buildGuest();
      using second = buildGuest(copy);
      const manifest = readFileSync(join(first.directory, "manifest.json"), "utf8");
      expect(readFileSync(join(second.directory, "manifest.json"), "utf8")).toBe(manifest);
      for (const architecture of ["x64", "arm64"] as const) {
        const guest = createGuestProgram({ directory: join(copy, "copies"), binaries: first.directory });
        const program = readFileSync(guest.pathFor({ os: "linux", architecture }));
        expect(program.length).toBeLessThanOrEqual(5 * 1024 * 1024);
        expect(program.equals(readFileSync(join(second.directory, `clauderon-guest-linux-${architecture}`)))).toBe(
          true,
        );
        expect(hasInterpreter(program)).toBe(false);
        expect(program.includes(goDirectory)).toBe(false);
      }
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  });

  test(`withstands ${inputs} hostile inputs at each of its decoders`, () => {
    const seed = isDeep ? Math.floor(Math.random() * 1_000_000) + 1 : 1;
    const { status, stdout } = spawnSync("go", ["test", "-count=1", "-v", "-run", "Hostile", "./..."], {
      cwd: goDirectory,
      encoding: "utf8",
      env: { ...process.env, CLAUDERON_FUZZ_INPUTS: String(inputs), CLAUDERON_FUZZ_SEED: String(seed) },
    });
    expect([status, stdout.slice(-2000)]).toEqual([0, expect.any(String)]);
    const shown = [...stdout.matchAll(/^--- PASS: (\w+) /gmu)].map((match) => match[1]);
    process.stdout.write(`guest: ${inputs} inputs each, seed ${seed}: ${shown.join(", ")}\n`);
    expect(shown.length).toBe(8);
  });
});

/** Whether a program needs another to be loaded (PT_INTERP among its segments). */
function hasInterpreter(program: Buffer): boolean {
  const start = Number(program.readBigUInt64LE(32));
  const size = program.readUInt16LE(54);
  const count = program.readUInt16LE(56);
  return Array.from({ length: count }, (_, index) => program.readUInt32LE(start + index * size)).includes(3);
}
