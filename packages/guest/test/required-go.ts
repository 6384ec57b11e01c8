import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { missingGo } from "../missing-go.ts";

const packageDirectory: string = join(import.meta.dirname, "..");

/** Whether tests that need Go can run: they do where it is; elsewhere one line says why not, or they fail when CLAUDERON_REQUIRE names `go`. */
export function hasGo(what: string): boolean {
  const missing = process.platform === "linux" ? missingGo() : "this machine is not Linux";
  if (missing === undefined) return true;
  const why = `${what} did not run: ${missing}`;
  if ((process.env["CLAUDERON_REQUIRE"] ?? "").split(/[\s,]+/u).includes("go"))
    throw new Error(`${why}, but CLAUDERON_REQUIRE contains go`);
  process.stdout.write(`${why}\n`);
  return false;
}

/** The sources of the guest. */
export const goDirectory: string = join(packageDirectory, "go");

export interface BuiltGuest extends Disposable {
  readonly directory: string;
  /** For this machine. */
  readonly program: string;
}

/** Builds all platforms as a release does, into a directory of its own. */
export function buildGuest(from: string = packageDirectory): BuiltGuest {
  const directory = mkdtempSync(join(tmpdir(), "clauderon-guest-build-"));
  const { status, stderr } = spawnSync(process.execPath, [join(from, "build-guest.ts"), "--output", directory], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the guest was not built: ${stderr}`);
  return {
    directory,
    program: join(directory, `clauderon-guest-linux-${process.arch}`),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}
