import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ClauderonError } from "@clauderon/core/contract";
import { createCommandRunner } from "@clauderon/core/host";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";

import { connectEngine } from "../src/engine/connect-engine.ts";
import type { EngineClient } from "../src/engine/engine-client.ts";
import { Images } from "../src/image/images.ts";
import type { PullProgress } from "../src/image/pull-progress.ts";
import { registryCredentials } from "../src/image/registry-credentials.ts";
import type { EngineScenario, SeenRequest } from "./engine/engine-scenario.ts";
import { startEngineEmulator, type EngineEmulator } from "./engine/start-engine-emulator.ts";

let emulator: EngineEmulator;
beforeAll(async () => {
  emulator = await startEngineEmulator();
});
afterAll(() => emulator[Symbol.asyncDispose]());

const runner = createCommandRunner();

interface World {
  readonly images: Images;
  readonly engine: EngineClient;
  readonly seen: () => Promise<readonly SeenRequest[]>;
}

async function world(scenario: EngineScenario, userHome = "/nonexistent"): Promise<World> {
  await emulator.become(scenario);
  const machine = { platform: process.platform, userHome, environment: { PATH: process.env["PATH"] } };
  const { client } = await connectEngine(machine, { configured: emulator.socketPath });
  return { images: new Images(machine, runner), engine: client, seen: () => emulator.seen() };
}

async function userWith(files: Readonly<Record<string, string>>): Promise<string> {
  const userHome = await mkdtemp(join(tmpdir(), "clauderon-user-"));
  onTestFinished(() => rm(userHome, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(userHome, path, ".."), { recursive: true });
    await writeFile(join(userHome, path), content);
    if (path.startsWith("bin/")) await chmod(join(userHome, path), 0o755);
  }
  return userHome;
}

const failed = (promise: Promise<unknown>): Promise<ClauderonError> =>
  promise.then(
    () => Promise.reject(new Error("it must be refused")),
    (error: unknown) => error as ClauderonError,
  );

const wanted = { reference: "acme/dev:1", origin: "--image" };
const layer = (id: string, status: string, progressDetail: object = {}): object => ({ id, status, progressDetail });
/** As Docker 29 says it for an image of two layers, one of which it has. */
const goodPull = {
  lines: [
    { status: "Pulling from acme/dev", id: "1" },
    layer("aaa", "Already exists"),
    layer("bbb", "Pulling fs layer"),
    layer("bbb", "Downloading", { current: 512, total: 2048 }),
    layer("bbb", "Downloading", { current: 2048, total: 2048 }),
    layer("bbb", "Verifying Checksum"),
    layer("bbb", "Download complete"),
    layer("bbb", "Extracting", { current: 1, units: "s" }),
    layer("bbb", "Pull complete"),
    { status: "Digest: sha256:1234" },
    { status: "Status: Downloaded newer image for acme/dev:1" },
  ],
  image: {},
};

describe("Images by pull policy", () => {
  it("if-not-present pulls what is missing, once, and nothing else", async () => {
    const { images, engine, seen } = await world({ pulls: { "acme/dev:1": goodPull } });
    const heard: PullProgress[] = [];
    const [first, second] = await Promise.all([
      images.ensure(engine, wanted, { policy: "if-not-present", onProgress: (progress) => heard.push(progress) }),
      images.ensure(engine, wanted, { policy: "if-not-present" }),
    ]);
    expect(first.whole).toBe("acme/dev:1");
    expect(second).toEqual(first);
    await images.ensure(engine, wanted, { policy: "if-not-present" });
    expect((await seen()).filter(({ path }) => path === "/images/create")).toEqual([
      expect.objectContaining({ query: { fromImage: "acme/dev", tag: "1" }, registryAuth: "e30=" }),
    ]);
    expect(heard).toContainEqual({
      image: "acme/dev:1",
      phase: "downloading",
      layers: 2,
      layersDone: 1,
      bytes: 512,
      totalBytes: 2048,
    });
    expect(heard.at(-1)).toEqual({
      image: "acme/dev:1",
      phase: "unpacking",
      layers: 2,
      layersDone: 2,
      bytes: 2048,
      totalBytes: 2048,
    });
  });

  it("always pulls what is there", async () => {
    const { images, engine, seen } = await world({ images: { "acme/dev:1": {} }, pulls: { "acme/dev:1": goodPull } });
    await images.ensure(engine, wanted, { policy: "always" });
    expect((await seen()).filter(({ path }) => path === "/images/create")).toHaveLength(1);
  });

  it("never pulls nothing", async () => {
    const { images, engine, seen } = await world({ images: { "acme/dev:1": {} }, pulls: { "acme/dev:2": goodPull } });
    await images.ensure(engine, wanted, { policy: "never" });
    const error = await failed(images.ensure(engine, { ...wanted, reference: "acme/dev:2" }, { policy: "never" }));
    expect(error).toMatchObject({
      code: "sandbox.start-failed",
      why: expect.stringContaining('"never"'),
      fix: ["pull it by hand: docker pull acme/dev:2", expect.any(String)],
    });
    expect((await seen()).some(({ path }) => path === "/images/create")).toBe(false);
  });

  it("a pull goes on while somebody waits, and ends with the last", async () => {
    const { images, engine, seen } = await world({
      pulls: { "acme/dev:1": { lines: [layer("a", "Downloading", { current: 1, total: 2 })], isEndless: true } },
    });
    const [first, second] = [new AbortController(), new AbortController()];
    const heard = Promise.withResolvers<void>();
    const waiting = [first, second].map(({ signal }) =>
      failed(images.ensure(engine, wanted, { policy: "always", signal, onProgress: () => heard.resolve() })),
    );
    await heard.promise;
    first.abort(new Error("first"));
    expect((await waiting[0])?.message).toBe("first");
    second.abort(new Error("second"));
    expect((await waiting[1])?.message).toBe("second");
    // A third one begins anew: the pull has ended.
    const third = new AbortController();
    const again = failed(
      images.ensure(engine, wanted, {
        policy: "always",
        signal: third.signal,
        onProgress: () => third.abort(new Error("third")),
      }),
    );
    expect((await again).message).toBe("third");
    expect((await seen()).filter(({ path }) => path === "/images/create")).toHaveLength(2);
  });
});

describe("An image that cannot be had", () => {
  const lines = (message: string) => ({
    lines: [
      { status: "Pulling from acme/dev", id: "1" },
      { errorDetail: { message }, error: message },
    ],
  });
  it.each([
    [
      undefined,
      /does not exist at docker\.io, or needs a login; you are not logged in to docker\.io/u,
      "log in if it is private: docker login",
    ],
    [
      lines("toomanyrequests: You have reached your unauthenticated pull rate limit"),
      /lets you pull no more/u,
      "log in, which allows more: docker login",
    ],
    [
      lines("no matching manifest for linux/amd64 in the manifest list entries"),
      /no variant/u,
      "correct the name: --image NAME:TAG",
    ],
    [
      lines("manifest for acme/dev:1 not found: manifest unknown: manifest unknown"),
      /no such image or tag/u,
      "correct the name: --image NAME:TAG",
    ],
    [
      lines("write /var/lib/docker/tmp/x: no space left on device"),
      /disk of Docker is full/u,
      "free space: docker system prune",
    ],
    [
      {
        status: 500,
        error: 'Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host',
        lines: [],
      },
      /cannot be reached/u,
      "check the network, and the proxy of Docker's own configuration",
    ],
    [{ lines: ["no json at all"] }, /Docker says: /u, undefined],
  ])("is told with its reason: %j", async (pull, why, fix) => {
    const { images, engine } = await world({ pulls: pull === undefined ? {} : { "acme/dev:1": pull } });
    const error = await failed(images.ensure(engine, wanted, { policy: "if-not-present" }));
    expect(error).toMatchObject({ fix: expect.arrayContaining([expect.any(String)]) });
    if (fix !== undefined) {
      expect(error.message).toBe("The image acme/dev:1 (--image) could not be pulled");
      expect(error.why).toMatch(why);
      expect(error.fix[0]).toBe(fix);
    }
  });

  it("is told with the key that named it", async () => {
    const { images, engine } = await world({});
    const origin = "docker.default_image in /home/me/.clauderon/config.toml:3";
    const error = await failed(images.ensure(engine, { reference: "acme/typo", origin }, { policy: "if-not-present" }));
    expect(error.message).toContain(origin);
    expect(error.fix).toContain(`correct ${origin}`);
    expect(await failed(images.ensure(engine, { reference: "Acme/X", origin }, { policy: "never" }))).toMatchObject({
      code: "usage.invalid",
      why: '"Acme" has capital letters',
      fix: [`correct ${origin}`],
    });
  });

  it("is for another processor", async () => {
    const { images, engine } = await world({ images: { "acme/dev:1": { Architecture: "arm64" } } });
    const error = await failed(images.ensure(engine, wanted, { policy: "if-not-present" }));
    expect(error.message).toContain("is for arm64; this engine runs x64");
  });
});

describe("The login at a registry", () => {
  const basic = Buffer.from("me:pass:word").toString("base64");
  const helper = (body: string): string => `#!/bin/sh\nread -r server\n${body}\n`;

  async function login(registry: string, files: Readonly<Record<string, string>>) {
    const userHome = await userWith(files);
    const environment = { PATH: `${userHome}/bin:${process.env["PATH"] ?? ""}` };
    const { header, note } = await registryCredentials(registry, {
      machine: { platform: "linux", userHome, environment },
      runner,
    });
    return {
      note: note.replace(userHome, "~"),
      credentials: JSON.parse(Buffer.from(header, "base64url").toString()) as unknown,
    };
  }

  it.each([
    [
      "docker.io",
      { "https://index.docker.io/v1/": { auth: basic } },
      { username: "me", password: "pass:word", serveraddress: "https://index.docker.io/v1/" },
    ],
    ["ghcr.io", { "ghcr.io": { auth: basic } }, { username: "me", password: "pass:word", serveraddress: "ghcr.io" }],
    ["ghcr.io", { "ghcr.io": { identitytoken: "t" } }, { identitytoken: "t" }],
    ["quay.io", { "ghcr.io": { auth: basic } }, {}],
  ])("of %s is what Docker's file holds", async (registry, auths, credentials) => {
    expect(await login(registry, { ".docker/config.json": JSON.stringify({ auths }) })).toMatchObject({ credentials });
  });

  it("is what a helper says, the registry's own before the store", async () => {
    const files = {
      ".docker/config.json": JSON.stringify({ credsStore: "store", credHelpers: { "ghcr.io": "own" } }),
      "bin/docker-credential-store": helper(
        'printf \'{"ServerURL":"%s","Username":"<token>","Secret":"from-store"}\' "$server"',
      ),
      "bin/docker-credential-own": helper(
        'printf \'{"ServerURL":"%s","Username":"me","Secret":"from-own"}\' "$server"',
      ),
    };
    expect(await login("ghcr.io", files)).toEqual({
      note: "docker-credential-own",
      credentials: { username: "me", password: "from-own", serveraddress: "ghcr.io" },
    });
    expect(await login("docker.io", files)).toEqual({
      note: "docker-credential-store",
      credentials: { identitytoken: "from-store" },
    });
  });

  it.each([
    [helper("echo credentials not found in native keychain; exit 1"), "you are not logged in to ghcr.io"],
    [helper("exit 3"), "docker-credential-store failed with exit code 3"],
    [helper("echo nonsense"), /could not be asked/u],
    [undefined, /could not be asked/u],
  ])("is none when the helper has none or fails, and the reason is kept", async (program, note) => {
    const files = {
      ".docker/config.json": '{"credsStore":"store"}',
      ...(program === undefined ? {} : { "bin/docker-credential-store": program }),
    };
    const found = await login("ghcr.io", files);
    expect(found.credentials).toEqual({});
    expect(found.note).toMatch(note);
  });

  it("never has a helper's name run as a path", async () => {
    const found = await login("ghcr.io", {
      ".docker/config.json": '{"credsStore":"x/../../evil"}',
      "bin/evil": "#!/bin/sh\necho {}\n",
    });
    expect(found.note).toMatch(/no name of a credential helper/u);
  });
});
