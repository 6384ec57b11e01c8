import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Why the guest cannot be built here; nothing when Go is there and new enough. */
export function missingGo(): string | undefined {
  const { status, stdout } = spawnSync("go", ["env", "GOVERSION"], {
    encoding: "utf8",
    // Another version must not be fetched for the answer.
    env: { ...process.env, GOTOOLCHAIN: "local", GOWORK: "off" },
  });
  if (status !== 0) return "Go is not installed";
  const wanted = /^go (\d+)\.(\d+)/mu.exec(readFileSync(join(import.meta.dirname, "go", "go.mod"), "utf8"));
  const found = /^go(\d+)\.(\d+)/u.exec(stdout);
  if (wanted === null || found === null) return `Go tells a version that cannot be read: ${stdout.trim()}`;
  const [major = 0, minor = 0] = found.slice(1).map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = wanted.slice(1).map(Number);
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return undefined;
  return `Go ${major}.${minor} is installed, and ${wantedMajor}.${wantedMinor} is needed`;
}
