import { readFile, mkdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { startClientWorld, type ClientWorld } from "./client-world.ts";
import {
  cargoRegistry,
  goProxy,
  npmRegistry,
  pythonIndex,
  startTlsUpstream,
  type TlsUpstream,
} from "./package-upstream.ts";
import { runsClient } from "./required-client.ts";

const secrets = {
  NPM_TOKEN: "npm_REAL_91c2",
  PYPI_INDEX: "pypi-REAL-91c2",
  CARGO: "cargo-REAL-91c2",
  GO: "go-REAL-91c2",
};
const hosts = {
  npm: "npm.corp.example",
  pypi: "pypi.corp.example",
  cargo: "cargo.corp.example",
  go: "goproxy.corp.example",
};
const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
const python = process.env["CLAUDERON_TEST_PYTHON"] ?? "python3";
let upstream: TlsUpstream;
let world: ClientWorld;

beforeAll(async () => {
  upstream = await startTlsUpstream({
    [hosts.npm]: npmRegistry(hosts.npm, `Bearer ${secrets.NPM_TOKEN}`),
    [hosts.pypi]: pythonIndex(basic(`__token__:${secrets.PYPI_INDEX}`)),
    [hosts.cargo]: cargoRegistry(hosts.cargo, secrets.CARGO),
    [hosts.go]: goProxy(basic(`reader:${secrets.GO}`)),
  });
  world = await startClientWorld({
    origins: Object.fromEntries(Object.values(hosts).map((host) => [host, upstream.port])),
    secrets: { NPM_TOKEN: secrets.NPM_TOKEN },
    npmrc: `registry=https://${hosts.npm}/\n`,
    settings: `
[[rules]]
id = "corp-python"
host = "${hosts.pypi}"
secret = "corp-python"
inject = { basic = "__token__" }
[[rules]]
id = "corp-cargo"
host = "${hosts.cargo}"
secret = "corp-cargo"
inject = { header = "Authorization", format = "{secret}" }
[[rules]]
id = "corp-go"
host = "${hosts.go}"
secret = "corp-go"
inject = { basic = "reader" }
`,
    stored: { "corp-python": secrets.PYPI_INDEX, "corp-cargo": secrets.CARGO, "corp-go": secrets.GO },
  });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});
beforeEach(() => {
  upstream.seen.length = 0;
});

interface PackageClient {
  readonly name: string;
  readonly probe: readonly string[];
  readonly host: string;
  /** Installs what the registry has, and shows that it is there. */
  readonly use: (directory: string) => Promise<string>;
}

async function ran(
  argv: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { code, output } = await world.run(argv, { cwd, environment });
  expect({ argv, code, output }).toEqual({ argv, code: 0, output });
  return output;
}

/** What the packages say that several programs install. */
const sources: Readonly<Record<string, string>> = { pnpm: "npm", uv: "pip" };
const node = (directory: string): Promise<string> => ran(["node", "-p", "require('corp-demo')"], directory);
const clients: readonly PackageClient[] = [
  {
    name: "npm",
    probe: ["npm", "--version"],
    host: hosts.npm,
    async use(directory) {
      await ran(["npm", "install", "--no-audit", "--no-fund", "corp-demo"], directory);
      return node(directory);
    },
  },
  {
    name: "pnpm",
    probe: ["pnpm", "--version"],
    host: hosts.npm,
    async use(directory) {
      await ran(["pnpm", "add", "--store-dir", join(directory, "store"), "corp-demo"], directory);
      return node(directory);
    },
  },
  {
    name: "pip",
    probe: [python, "-m", "pip", "--version"],
    host: hosts.pypi,
    async use(directory) {
      const index = `https://${hosts.pypi}/simple/`;
      await ran([python, "-m", "pip", "install", "--target", directory, "--index-url", index, "corp-demo"], directory);
      return ran([python, "-c", "import corp_demo; print(corp_demo.text)"], directory);
    },
  },
  {
    name: "uv",
    probe: ["uv", "--version"],
    host: hosts.pypi,
    async use(directory) {
      const index = `https://${hosts.pypi}/simple/`;
      const argv = ["uv", "pip", "install", "--python", python, "--target", directory, "--index-url", index];
      await ran([...argv, "corp-demo"], directory);
      return ran([python, "-c", "import corp_demo; print(corp_demo.text)"], directory);
    },
  },
  {
    name: "cargo",
    probe: ["cargo", "--version"],
    host: hosts.cargo,
    async use(directory) {
      await mkdir(join(directory, "src"));
      await writeFile(join(directory, "src", "lib.rs"), "");
      await writeFile(
        join(directory, "Cargo.toml"),
        '[package]\nname = "app"\nversion = "1.0.0"\nedition = "2021"\n[dependencies]\ncorpdemo = { version = "1", registry = "corp" }\n',
      );
      const environment = {
        CARGO_HOME: join(directory, "cargo"),
        RUSTUP_HOME: process.env["RUSTUP_HOME"] ?? join(homedir(), ".rustup"),
        CARGO_REGISTRIES_CORP_INDEX: `sparse+https://${hosts.cargo}/index/`,
        CARGO_REGISTRIES_CORP_CREDENTIAL_PROVIDER: "cargo:token",
        CARGO_REGISTRIES_CORP_TOKEN: "clauderon-corp-cargo-placeholder",
      };
      await ran(["cargo", "vendor", "--quiet", "vendored"], directory, environment);
      return readFile(join(directory, "vendored", "corpdemo", "src", "lib.rs"), "utf8");
    },
  },
  {
    name: "go",
    probe: ["go", "version"],
    host: hosts.go,
    async use(directory) {
      await writeFile(join(directory, "go.mod"), "module app\n");
      const environment = {
        GOPROXY: `https://${hosts.go}`,
        GOSUMDB: "off",
        GOTOOLCHAIN: "local",
        GOFLAGS: "-modcacherw",
        GOPATH: join(directory, "go"),
        GOCACHE: join(directory, "cache"),
      };
      const output = await ran(["go", "mod", "download", "-json", "corp.example/demo@v1.0.0"], directory, environment);
      return output.replace('"Version": "v1.0.0"', "from go");
    },
  },
];

describe("C3 package managers install from a private registry with a placeholder alone", () => {
  for (const client of clients.filter(({ name, probe }) => runsClient(name, probe)))
    it(client.name, async () => {
      const directory = join(world.home, client.name);
      await mkdir(directory);
      expect(await client.use(directory)).toContain(`from ${sources[client.name] ?? client.name}`);
      const own = upstream.seen.filter(({ host }) => host === client.host);
      expect(own.length).toBeGreaterThan(0);
      expect(upstream.seen.filter(({ authorization }) => authorization?.includes("placeholder"))).toEqual([]);
    });

  it("and nothing that was written holds a secret", async () => {
    const written = await world.written();
    for (const secret of Object.values(secrets)) expect(written).not.toContain(secret);
    expect(written).toContain("placeholder");
  });
});
