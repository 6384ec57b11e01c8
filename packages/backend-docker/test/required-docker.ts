import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { GuestProgram } from "@clauderon/core/contract";
import { createGuestProgram } from "@clauderon/guest";

/** An image of the engine that has a shell, git, curl and grep. */
export const testImage: string = process.env["CLAUDERON_TEST_IMAGE"] ?? "";

/** Why the real engine cannot be had here; `undefined` when it can. Fails when CLAUDERON_REQUIRE names docker. */
export function whyNoDocker(what: string): string | undefined {
  const missing = reason();
  if (missing === undefined) return undefined;
  process.stderr.write(`${what} did not run: ${missing}\n`);
  if ((process.env["CLAUDERON_REQUIRE"] ?? "").split(/[\s,]+/u).includes("docker"))
    throw new Error(`${missing}, but CLAUDERON_REQUIRE contains docker`);
  return missing;
}

function reason(): string | undefined {
  if (process.platform !== "linux") return "it is shown on Linux alone";
  if (process.env["DOCKER_HOST"] === undefined || testImage === "")
    return "DOCKER_HOST and CLAUDERON_TEST_IMAGE are not set";
  if (spawnSync("go", ["version"]).status !== 0) return "Go is not installed, so there is no guest";
  const { status, stderr, error } = spawnSync("docker", ["image", "inspect", testImage], { encoding: "utf8" });
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
}

export interface BuiltGuest extends GuestProgram, Disposable {
  /** Where it was built, and where copies of it are. */
  readonly binaries: string;
  readonly directory: string;
}

/** Builds the guest as a release does. */
export function buildGuest(): BuiltGuest {
  const directory = mkdtempSync(join(tmpdir(), "clauderon-guest-"));
  const program = fileURLToPath(new URL("../../guest/build-guest.ts", import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [program, "--output", join(directory, "built")], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the guest was not built: ${stderr}`);
  const guest = createGuestProgram({ directory: join(directory, "copies"), binaries: `${join(directory, "built")}/` });
  return {
    binaries: `${join(directory, "built")}/`,
    directory: join(directory, "copies"),
    version: guest.version,
    pathFor: (platform) => guest.pathFor(platform),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** Runs Docker's own program. */
export function docker(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("docker", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`docker ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}
