/** `node build-guest.ts [--check] [--output DIRECTORY]`: builds the guest for every platform, where Go is; with `--check` tells whether it was built whole. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { missingGo } from "./missing-go.ts";

const platforms = [
  { name: "linux-x64", architecture: "amd64" },
  { name: "linux-arm64", architecture: "arm64" },
] as const;
const largestBytes = 5 * 1024 * 1024;

interface BuiltGuest {
  readonly version: string;
  readonly programs: Readonly<Record<string, { readonly sha256: string; readonly bytes: number }>>;
}

const { values } = parseArgs({ options: { check: { type: "boolean" }, output: { type: "string" } } });
const output = values.output ?? join(import.meta.dirname, "dist", "bin");

function say(text: string): void {
  process.stdout.write(`guest: ${text}\n`);
}

function fail(text: string): never {
  process.stderr.write(`guest: ${text}\n`);
  process.exit(1);
}

/** Nothing of the user's own settings of Go changes the result. */
function goEnvironment(architecture: string): NodeJS.ProcessEnv {
  const settings = { CGO_ENABLED: "0", GOOS: "linux", GOARCH: architecture, GOAMD64: "v1", GOARM64: "v8.0" };
  const isolation = { GOFLAGS: "", GOWORK: "off", GOPROXY: "off", GOTOOLCHAIN: "local", GOEXPERIMENT: "", GODEBUG: "" };
  return { ...process.env, ...settings, ...isolation };
}

function build(version: string): BuiltGuest {
  mkdirSync(output, { recursive: true });
  const programs = platforms.map(({ name, architecture }) => {
    const path = join(output, `clauderon-guest-${name}`);
    const flags = ["-trimpath", "-buildvcs=false", `-ldflags=-s -w -buildid= -X main.version=${version}`, "-o", path];
    const { status, stderr } = spawnSync("go", ["build", ...flags, "."], {
      cwd: join(import.meta.dirname, "go"),
      env: goEnvironment(architecture),
      encoding: "utf8",
    });
    if (status !== 0) fail(`go build for ${name} failed:\n${stderr}`);
    const bytes = readFileSync(path);
    if (bytes.length > largestBytes)
      fail(`the program for ${name} has ${bytes.length} bytes, more than ${largestBytes}`);
    return [name, { sha256: createHash("sha256").update(bytes).digest("hex"), bytes: bytes.length }] as const;
  });
  const built: BuiltGuest = { version, programs: Object.fromEntries(programs) };
  writeFileSync(join(output, "manifest.json"), `${JSON.stringify(built, undefined, 2)}\n`);
  return built;
}

function check(version: string): void {
  let built: BuiltGuest;
  try {
    built = JSON.parse(readFileSync(join(output, "manifest.json"), "utf8")) as BuiltGuest;
  } catch {
    fail(`no program is in ${output}; install Go 1.24 or newer and run pnpm build`);
  }
  if (built.version !== version) fail(`the programs are of version ${built.version}; run pnpm build`);
  for (const { name } of platforms) {
    const sha256 = createHash("sha256")
      .update(readFileSync(join(output, `clauderon-guest-${name}`)))
      .digest("hex");
    if (built.programs[name]?.sha256 !== sha256) fail(`the program for ${name} is not the one that was built`);
  }
}

const manifest = JSON.parse(readFileSync(join(import.meta.dirname, "package.json"), "utf8")) as { version: string };
const missing = values.check === true ? undefined : missingGo();
if (values.check === true) {
  check(manifest.version);
} else if (missing === undefined) {
  const { programs } = build(manifest.version);
  for (const [name, { sha256, bytes }] of Object.entries(programs)) say(`${name} ${bytes} bytes, SHA-256 ${sha256}`);
} else {
  rmSync(output, { recursive: true, force: true });
  const isRequired = (process.env["CLAUDERON_REQUIRE"] ?? "").split(/[\s,]+/u).includes("go");
  const why = `${missing}, so the programs that run in sandboxes are not built`;
  if (isRequired) fail(`${why}, but CLAUDERON_REQUIRE contains go`);
  say(why);
}
