import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { createCommandRunner } from "@clauderon/core/host";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { createSecretSource, type SecretSource } from "./create-secret-source.ts";
import { createKeyring } from "./keyring.ts";

const programs = ["dbus-daemon", "gnome-keyring-daemon", "secret-tool"];
const missing = programs.filter((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).error !== undefined);
const isThere = missing.length === 0;
if (!isThere) process.stderr.write(`not run: a real keyring (${missing.join(", ")} not found)\n`);
const isRequired = (process.env["CLAUDERON_REQUIRE"] ?? "").split(/[\s,]+/u).includes("keyring");

describe.runIf(isThere || isRequired)("the keyring of a desktop (gnome-keyring)", () => {
  let root: string;
  let environment: Record<string, string | undefined>;
  let daemons: ChildProcess[];

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "clauderon-keyring-"));
    daemons = [];
    const { PATH, LD_LIBRARY_PATH } = process.env;
    environment = { PATH, LD_LIBRARY_PATH, HOME: root, XDG_RUNTIME_DIR: join(root, "run") };
    await mkdir(join(root, "run"), { mode: 0o700 });
    const bus = start("dbus-daemon", ["--session", "--nofork", "--print-address"]);
    environment["DBUS_SESSION_BUS_ADDRESS"] = await firstLine(bus);
    const keyring = start("gnome-keyring-daemon", ["--unlock", "--foreground", "--components=secrets"]);
    keyring.stdin?.end("the user's login");
    // It says where it listens when it does.
    await firstLine(keyring);
  });
  afterEach(async () => {
    await Promise.all(daemons.map(end));
    await rm(root, { recursive: true, force: true, maxRetries: 10 });
  });

  function start(program: string, args: readonly string[]): ChildProcess {
    const child = spawn(program, args, { env: environment, stdio: ["pipe", "pipe", "ignore"] });
    daemons.push(child);
    return child;
  }

  async function firstLine({ stdout }: ChildProcess): Promise<string> {
    if (stdout === null) throw new Error("it says nothing");
    const { value } = await createInterface({ input: stdout })[Symbol.asyncIterator]().next();
    return String(value);
  }

  async function end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  function open(): SecretSource {
    const keyring = createKeyring({
      runner: createCommandRunner(),
      monotonicMs: () => performance.now(),
      environment,
      platform: "linux",
    });
    const directory = join(root, "secrets");
    return createSecretSource({ directory, environment: {}, monotonicMs: () => performance.now(), keyring });
  }

  it("keeps a secret, gives it to whoever asks later, and forgets it", async () => {
    const value = `sk-CANARY 'quoted' "more" \\ ${"x".repeat(4000)}`;
    expect(await open().set("github", value, { place: "keyring" })).toMatchObject({ origin: "keyring" });
    await open().set("npm", "another", { place: "keyring" });
    const later = open();
    expect((await later.get("github"))?.reveal()).toBe(value);
    expect((await later.get("npm"))?.reveal()).toBe("another");
    // Beside the keyring's own files, no file holds it.
    for (const name of await readdir(join(root, "secrets")))
      expect(await readFile(join(root, "secrets", name), "utf8")).not.toContain("CANARY");
    await later.set("github", "replaced", { place: "keyring" });
    expect((await open().get("github"))?.reveal()).toBe("replaced");
    await later.remove("github");
    expect(await open().get("github")).toBeUndefined();
    expect((await open().get("npm"))?.reveal()).toBe("another");
  });

  it("that has gone is an error that says what to do", async () => {
    await open().set("github", "sk-CANARY", { place: "keyring" });
    for (const daemon of daemons.toReversed()) await end(daemon);
    await expect(open().get("github")).rejects.toMatchObject({
      code: "command.failed",
      fix: [expect.stringContaining("unlock the keyring") as string, expect.anything()],
    });
  });
});
