import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

const run = promisify(execFile);
const artifacts = path.resolve(import.meta.dirname, "../artifacts");
const isPacked = existsSync(artifacts);
const isRequired = process.env["CLAUDERON_REQUIRE"]?.split(",").includes("packages") === true;
if (!isPacked && !isRequired)
  console.log("the consumer test did not run: there are no packages; make them with: pnpm run pack");

const isGuestRequired = process.env["CLAUDERON_REQUIRE"]?.split(",").includes("go") === true;

interface Finished {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Does what a user does with the packages: npm install, the program, the libraries, a backend of another author. */
describe.skipIf(!isPacked && !isRequired)("the packed packages", () => {
  let root = "";
  let environment: Record<string, string | undefined> = {};

  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), "clauderon-consumer-"));
    const tarballs = (await readdir(artifacts))
      .filter((file) => file.endsWith(".tgz"))
      .map((file) => path.join(artifacts, file));
    expect(tarballs.length).toBeGreaterThanOrEqual(9);
    const { NODE_OPTIONS: _options, ...inherited } = process.env;
    environment = {
      ...inherited,
      HOME: root,
      CLAUDERON_HOME: path.join(root, "home"),
      CLAUDERON_PORT: "0",
      NO_COLOR: "1",
    };
    await run(
      "npm",
      [
        "install",
        "--prefix",
        root,
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
        "--userconfig",
        userConfiguration(),
        ...tarballs,
      ],
      { cwd: root, env: process.env },
    );
    await mkdir(path.join(root, "repository"));
    await git("init", "--quiet", "--initial-branch=main");
    await writeFile(path.join(root, "repository", "a.txt"), "one\n");
    await git("add", "-A");
    await git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", "first");
    await mkdir(path.join(root, "home"));
    await writeFile(
      path.join(root, "agent.mjs"),
      `import { fakeAgentPath } from "@clauderon/core/testing"; process.stdout.write(fakeAgentPath());`,
    );
    const { stdout: agent } = await run(process.execPath, ["agent.mjs"], { cwd: root });
    await cp(path.resolve(import.meta.dirname, "../examples/custom-backend"), path.join(root, "custom-backend"), {
      recursive: true,
    });
    const settings = [
      "[agents.fake]",
      `command = [${JSON.stringify(process.execPath)}, ${JSON.stringify(agent)}]`,
      "[backends.processes]",
      `module = ${JSON.stringify(await customBackendModule())}`,
    ];
    await writeFile(path.join(root, "home", "config.toml"), `${settings.join("\n")}\n`);
  }, 300_000);

  afterAll(async () => {
    if (root === "") return;
    await clauderon("daemon", "stop");
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  });

  const userConfiguration = (): string =>
    process.env["npm_config_userconfig"] ?? path.join(process.env["HOME"] ?? "", ".npmrc");
  const git = (...args: readonly string[]): Promise<unknown> =>
    run("git", ["-C", path.join(root, "repository"), ...args]);

  async function customBackendModule(): Promise<string> {
    const manifest = JSON.parse(await readFile(path.join(root, "custom-backend", "package.json"), "utf8")) as {
      readonly exports?: string | Record<string, string>;
    };
    const entry = typeof manifest.exports === "string" ? manifest.exports : manifest.exports?.["."];
    if (entry === undefined) throw new Error("the example backend exports nothing");
    return path.join(root, "custom-backend", entry);
  }

  async function clauderon(...args: readonly string[]): Promise<Finished> {
    try {
      const { stdout, stderr } = await run(path.join(root, "node_modules", ".bin", "clauderon"), args, {
        cwd: path.join(root, "repository"),
        env: environment,
      });
      return { exitCode: 0, stdout, stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { exitCode: code, stdout, stderr };
    }
  }

  it("install a working program", async () => {
    const { stdout, exitCode } = await clauderon("--version");
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/\d+\.\d+\.\d+/);
    expect((await clauderon("--help")).stdout).toContain("clauderon create");
  });

  it.each([
    "core",
    "core/contract",
    "core/host",
    "core/host/processes",
    "core/wire",
    "core/testing",
    "agents",
    "guest",
    "workspaces",
    "terminal",
    "store",
    "backend-local",
    "backend-zellij",
    "backend-docker",
    "proxy",
    "daemon",
  ])("can import @clauderon/%s", async (name) => {
    const { stdout } = await run(
      process.execPath,
      ["--input-type=module", "--eval", `console.log(Object.keys(await import("@clauderon/${name}")).length)`],
      { cwd: root },
    );
    expect(Number(stdout)).toBeGreaterThan(0);
  });

  it("have the program for sandboxes, where it was built", async ({ skip }) => {
    const isBuilt = existsSync(path.join(root, "node_modules/@clauderon/guest/dist/bin/manifest.json"));
    if (!isBuilt && !isGuestRequired) skip("the packed @clauderon/guest has no programs: Go was not there");
    const script = `import { createGuestProgram } from "@clauderon/guest"; const os = "linux", architecture = process.arch;
      console.log(createGuestProgram({ directory: "guest" }).pathFor({ os, architecture }));`;
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script], { cwd: root });
    expect((await run(path.join(root, stdout.trim()), ["version"])).stdout).toMatch(/^\d+\.\d+\.\d+/u);
  });

  it("run a session from create to delete, the daemon killed in between", async () => {
    const created = await clauderon(
      "create",
      "fix",
      "--repo",
      ".",
      "--backend",
      "local",
      "--agent",
      "fake",
      "--prompt",
      "write hello.txt hi",
      "--detach",
    );
    expect(created).toMatchObject({ exitCode: 0 });
    expect(JSON.parse((await clauderon("list", "--json")).stdout)).toMatchObject([
      { schemaVersion: 1, name: "fix", state: "running", backend: "local" },
    ]);
    expect(
      (
        await clauderon(
          "exec",
          "fix",
          "--",
          "sh",
          "-c",
          "until test -s hello.txt; do sleep 0.05; done; git status --short",
        )
      ).stdout,
    ).toBe("?? hello.txt\n");
    expect((await clauderon("diff", "fix")).stdout).toContain("+hi");
    expect(await clauderon("stop", "fix")).toMatchObject({ exitCode: 0 });
    expect(await clauderon("start", "fix")).toMatchObject({ exitCode: 0 });
    const { pid } = JSON.parse((await clauderon("daemon", "status", "--json")).stdout) as { readonly pid: number };
    process.kill(pid, "SIGKILL");
    expect(JSON.parse((await clauderon("list", "--json")).stdout)).toMatchObject([{ name: "fix", state: "running" }]);
    expect(await clauderon("delete", "fix", "--yes")).toMatchObject({ exitCode: 7 });
    expect(await clauderon("delete", "fix", "--discard", "--yes")).toMatchObject({ exitCode: 0 });
    expect(JSON.parse((await clauderon("list", "--json")).stdout)).toEqual([]);
  });

  it("run a session on a backend of another package", async () => {
    const created = await clauderon(
      "create",
      "other",
      "--repo",
      ".",
      "--backend",
      "processes",
      "--agent",
      "fake",
      "--detach",
    );
    expect(created).toMatchObject({ exitCode: 0 });
    expect((await clauderon("exec", "other", "--", "cat", "a.txt")).stdout).toBe("one\n");
    expect(await clauderon("delete", "other", "--discard", "--yes")).toMatchObject({ exitCode: 0 });
  });

  it("prove that backend with the packed kit", async () => {
    const script = [
      `import { runBackendContract } from "@clauderon/core/testing";`,
      `import { createBackend } from ${JSON.stringify(await customBackendModule())};`,
      `const results = await runBackendContract({ name: "processes", create: (context) => createBackend(context, {}) });`,
      `process.stdout.write(JSON.stringify(results.map(({ id, status, error }) => ({ id, status, error: error && String(error) }))));`,
    ];
    await writeFile(path.join(root, "proof.mjs"), script.join("\n"));
    const { stdout } = await run(process.execPath, ["proof.mjs"], { cwd: root, maxBuffer: 16 * 1024 * 1024 });
    const results = JSON.parse(stdout) as readonly { readonly id: string; readonly status: string }[];
    expect(results.filter((result) => result.status === "failed")).toEqual([]);
    expect(results.filter((result) => result.status === "passed").length).toBeGreaterThanOrEqual(80);
  });

  it("name the Node they need on an older one", async () => {
    const old = await findOldNode();
    if (old === undefined) {
      console.log("there is no older Node on the PATH: what the program says on one was not tried");
      return;
    }
    const program = path.join(root, "node_modules", "clauderon", "bin", "clauderon.js");
    const failure = await run(old, [program, "list"]).then(
      () => undefined,
      (error: unknown) => error as { readonly code: number; readonly stderr: string },
    );
    expect(failure).toMatchObject({ code: 1 });
    expect(failure?.stderr).toMatch(/Node .*24/);
    expect(failure?.stderr).not.toContain("    at ");
  });

  async function findOldNode(): Promise<string | undefined> {
    for (const directory of (process.env["PATH"] ?? "").split(path.delimiter)) {
      const program = path.join(directory, "node");
      if (!existsSync(program)) continue;
      const { stdout } = await run(program, ["--version"]);
      if (Number(/^v(\d+)/.exec(stdout)?.[1] ?? 99) < 24) return program;
    }
    return undefined;
  }
});
