import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { createCommandRunner } from "@clauderon/core/host";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { connectEngine } from "../src/engine/connect-engine.ts";
import type { EngineClient } from "../src/engine/engine-client.ts";
import { Images } from "../src/image/images.ts";
import type { PullProgress } from "../src/image/pull-progress.ts";
import { docker, whyNoDocker } from "./required-docker.ts";

/** Of the registry of this test alone. */
const user = "me";
const password = "not-a-secret";
const passwordHash = "$2y$05$abcdefghijklmnopqrstuuVPNOToLP9MHdthRCXkVoiIF0qNKnk2G";
const auth = Buffer.from(`${user}:${password}`).toString("base64");

const missing = whyNoDocker("pulls by a real engine from a real registry") ?? whyNoRegistry();

function whyNoRegistry(): string | undefined {
  if (spawnSync("docker-registry", ["--version"]).status === 0) return undefined;
  const why = "pulls by a real engine from a real registry did not run: docker-registry is not installed";
  process.stderr.write(`${why}\n`);
  return why;
}

describe.skipIf(missing !== undefined)("images of a registry that wants a login", () => {
  const stack = new AsyncDisposableStack();
  let directory = "";
  let reference = "";
  let registry = "";
  let engine: EngineClient;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "clauderon-registry-"));
    stack.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
    await writeFile(join(directory, "htpasswd"), `${user}:${passwordHash}\n`);
    await writeFile(
      join(directory, "config.yml"),
      `version: 0.1
log: { level: info, formatter: json }
storage: { filesystem: { rootdirectory: "${join(directory, "data")}" } }
http: { addr: "127.0.0.1:0" }
auth: { htpasswd: { realm: "tests", path: "${join(directory, "htpasswd")}" } }
`,
    );
    const child = spawn("docker-registry", ["serve", join(directory, "config.yml")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    stack.defer(async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    });
    registry = `127.0.0.1:${await portOf(child.stderr)}`;
    reference = `${registry}/acme/tiny:1`;
    await login("own", { auths: { [registry]: { auth } } });
    await login("none", {});
    await mkdir(join(directory, "root"));
    await writeFile(join(directory, "root", "hello"), "hello\n");
    spawnSync("tar", ["-C", join(directory, "root"), "-cf", join(directory, "root.tar"), "."]);
    docker("import", join(directory, "root.tar"), reference);
    stack.defer(() => void spawnSync("docker", ["image", "rm", "--force", reference]));
    docker("--config", join(directory, "own", ".docker"), "push", "--quiet", reference);
    docker("image", "rm", "--force", reference);
    ({ client: engine } = await connectEngine(machine("none")));
  }, 120_000);
  afterAll(() => stack.disposeAsync());

  async function login(name: string, config: object): Promise<void> {
    await mkdir(join(directory, name, ".docker"), { recursive: true });
    await writeFile(join(directory, name, ".docker", "config.json"), JSON.stringify(config));
  }

  function machine(name: string) {
    const { DOCKER_HOST, PATH = "" } = process.env;
    const environment = { DOCKER_HOST, PATH: `${join(directory, "bin")}:${PATH}` };
    return { platform: process.platform, userHome: join(directory, name), environment };
  }

  const images = (name: string): Images => new Images(machine(name), createCommandRunner());
  const wanted = (more = ""): { reference: string; origin: string } => ({
    reference: `${reference}${more}`,
    origin: "--image",
  });

  it("are pulled with the login of Docker's own file, with progress, and are then there", async () => {
    await expect(images("own").ensure(engine, wanted(), { policy: "never" })).rejects.toThrow("is not on this machine");
    const heard: PullProgress[] = [];
    const onProgress = (progress: PullProgress): void => void heard.push(progress);
    const found = await images("own").ensure(engine, wanted(), { policy: "if-not-present", onProgress });
    expect(found).toMatchObject({ whole: reference, os: "linux" });
    expect(heard.at(-1)).toMatchObject({ layers: 1, layersDone: 1, phase: "unpacking" });
    await images("none").ensure(engine, wanted(), { policy: "never" });
    docker("image", "rm", reference);
  }, 60_000);

  it("are pulled with what a credential helper says", async () => {
    await mkdir(join(directory, "bin"), { recursive: true });
    const helper = join(directory, "bin", "docker-credential-tests");
    const answer = JSON.stringify({ ServerURL: registry, Username: user, Secret: password });
    await writeFile(helper, `#!/bin/sh\nprintf '%s' '${answer}'\n`);
    await chmod(helper, 0o755);
    await login("helped", { credHelpers: { [registry]: "tests" } });
    await images("helped").ensure(engine, wanted(), { policy: "always" });
    docker("image", "rm", reference);
  }, 60_000);

  it("are refused without one, and when there is no such tag, each with the way out", async () => {
    const refused = images("none").ensure(engine, wanted(), { policy: "always" });
    await expect(refused).rejects.toMatchObject({
      why: expect.stringContaining(`you are not logged in to ${registry}`),
      fix: expect.arrayContaining([`log in if it is private: docker login ${registry}`]),
    });
    const typo = images("own").ensure(engine, wanted("9"), { policy: "if-not-present" });
    await expect(typo).rejects.toMatchObject({ why: expect.stringContaining("has no such image or tag") });
    const nobody = { reference: "127.0.0.1:1/acme/tiny:1", origin: "docker.default_image in config.toml:3" };
    const unreached = images("own").ensure(engine, nobody, { policy: "if-not-present" });
    await expect(unreached).rejects.toMatchObject({
      message: expect.stringContaining("docker.default_image in config.toml:3"),
      why: expect.stringContaining("cannot be reached"),
    });
  }, 60_000);
});

/** The port that the registry says it listens on. */
async function portOf(stderr: NodeJS.ReadableStream): Promise<number> {
  const said: string[] = [];
  for await (const line of createInterface({ input: stderr })) {
    said.push(line);
    const port = /listening on 127\.0\.0\.1:(?<port>\d+)/u.exec(line)?.groups?.["port"];
    if (port === undefined) continue;
    stderr.resume();
    return Number(port);
  }
  throw new Error(`the registry did not start: ${said.join("\n")}`);
}
