import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { createCommandRunner } from "@clauderon/core/host";
import { describe, expect, it } from "vitest";

import type { SecretSource } from "./create-secret-source.ts";
import { createKeyring } from "./keyring.ts";
import { createOnePassword, type OnePassword } from "./one-password.ts";
import { useSecretsHome, value } from "./testing/secrets-home.fixture.ts";

const home = useSecretsHome();

describe("1Password", () => {
  /** A program that behaves as `op`: answers, fails or hangs, and counts its calls. */
  async function program(body: string): Promise<{ readonly path: string; calls(): Promise<number> }> {
    const path = join(home.root, "op");
    const log = join(home.root, "calls");
    await writeFile(path, `#!/bin/sh\necho "$@" >> ${log}\n${body}\n`, { mode: 0o755 });
    return { path, calls: async () => (await readFile(log, "utf8").catch(() => "")).split("\n").length - 1 };
  }

  const references = { github: "op://Work/GitHub token/credential", sprites_api_key: "op://Work/Sprites/api-key" };

  function withProgram(path: string): SecretSource {
    const client: OnePassword = createOnePassword(
      { program: path, references },
      { runner: createCommandRunner(), monotonicMs: () => home.now, environment: process.env },
    );
    return home.source({ onePassword: { client, settings: { references } } });
  }

  it("it is asked once, with arguments and no shell, and remembered", async () => {
    const op = await program('[ "$4" = "op://Work/GitHub token/credential" ] && printf from-op');
    const secrets = withProgram(op.path);
    expect(secrets.describe("github")).toMatchObject({ state: "configured", origin: "1password" });
    const all = await Promise.all([value(secrets, "github"), value(secrets, "github"), value(secrets, "github")]);
    expect(all).toEqual(["from-op", "from-op", "from-op"]);
    expect(await op.calls()).toBe(1);
    home.now = 16 * 60_000;
    await value(secrets, "github");
    expect(await op.calls()).toBe(2);
    secrets.refresh();
    await value(secrets, "github");
    expect(await op.calls()).toBe(3);
  });

  it("an entry under an old name is found", async () => {
    const op = await program("printf sprites-token");
    expect(await value(withProgram(op.path), "sprites")).toBe("sprites-token");
  });

  it("a locked vault is an error with the fix, asked again after half a minute", async () => {
    const op = await program('echo "[ERROR] account is not signed in" >&2; exit 1');
    const secrets = withProgram(op.path);
    for (let round = 0; round < 3; round += 1) {
      await expect(secrets.get("github")).rejects.toMatchObject({
        code: "command.failed",
        why: "[ERROR] account is not signed in",
      });
    }
    expect(await op.calls()).toBe(1);
    home.now = 31_000;
    await expect(secrets.get("github")).rejects.toMatchObject({ code: "command.failed" });
    expect(await op.calls()).toBe(2);
  });

  it("a missing program is an error that says so", async () => {
    const secrets = withProgram(join(home.root, "nowhere"));
    await expect(secrets.get("github")).rejects.toMatchObject({
      code: "command.not-found",
      fix: [expect.stringContaining("install") as string, expect.anything()],
    });
  });

  it.each(["printf ''", "printf 'a\\nb'", "printf '\\001\\002'"])(
    "an answer that cannot be used (%s) is refused",
    async (body) => {
      const op = await program(body);
      await expect(withProgram(op.path).get("github")).rejects.toMatchObject({ code: "settings.invalid" });
    },
  );
});

describe("the keyring", () => {
  /** A program that behaves as `secret-tool`, keeping values in files, and writes down how it was called. */
  async function keyring(
    platform: NodeJS.Platform = "linux",
  ): Promise<{ readonly secrets: SecretSource; readonly calls: () => Promise<string> }> {
    const path = join(home.root, "secret-tool");
    const log = join(home.root, "calls");
    const values = join(home.root, "values");
    await mkdir(values, { recursive: true });
    const body = `#!/bin/sh
echo "$@" >> ${log}
last=""
for word in "$@"; do last="$word"; done
case "$1" in
  store) cat > "${values}/$last" ;;
  lookup) cat "${values}/$last" 2>/dev/null || exit 1 ;;
  clear) rm "${values}/$last" 2>/dev/null || exit 1 ;;
  -i) cat > "${values}/stdin" ;;
  find-generic-password) exit 44 ;;
esac
`;
    await writeFile(path, body, { mode: 0o755 });
    const client = createKeyring({
      runner: createCommandRunner(),
      monotonicMs: () => home.now,
      environment: process.env,
      platform,
      program: path,
    });
    return { secrets: home.source({ keyring: client }), calls: async () => readFile(log, "utf8").catch(() => "") };
  }

  it("a secret is kept there and not in a file, and its value is in no argument", async () => {
    await home.store("github", "old-file");
    const { secrets, calls } = await keyring();
    expect(await secrets.set("github", "CANARY", { place: "keyring" })).toMatchObject({
      origin: "keyring",
      state: "configured",
    });
    expect(await value(secrets, "github")).toBe("CANARY");
    expect(await value(secrets, "github")).toBe("CANARY");
    expect(await readdir(home.directory())).toEqual([".keyring"]);
    expect(await readFile(join(home.directory(), ".keyring"), "utf8")).toBe("github\n");
    expect((await stat(join(home.directory(), ".keyring"))).mode & 0o777).toBe(0o600);
    const called = await calls();
    expect(called).not.toContain("CANARY");
    expect(called.match(/lookup/g)).toHaveLength(1);
    expect((await secrets.list()).find(({ name }) => name === "github")).toMatchObject({ origin: "keyring" });
    await secrets.remove("github");
    expect(secrets.has("github")).toBe(false);
    expect(await secrets.get("github")).toBeUndefined();
  });

  it("it is asked for no name that was not put there", async () => {
    const { secrets, calls } = await keyring();
    expect(secrets.has("npm")).toBe(false);
    expect(await secrets.get("npm")).toBeUndefined();
    expect(await calls()).toBe("");
  });

  it("on macOS the value goes through standard input, in hexadecimal", async () => {
    const { secrets, calls } = await keyring("darwin");
    await secrets.set("github", 'a "b', { place: "keyring" });
    expect(await readFile(join(home.root, "values", "stdin"), "utf8")).toBe(
      `add-generic-password -U -s clauderon -a github -X ${Buffer.from('a "b').toString("hex")}\n`,
    );
    expect(await calls()).toBe("-i\n");
    expect(await secrets.get("github")).toBeUndefined();
  });

  it("a locked keyring, and none, are errors with a fix", async () => {
    const path = join(home.root, "locked");
    await writeFile(path, '#!/bin/sh\necho "Cannot autolaunch D-Bus without X11" >&2\nexit 1\n', { mode: 0o755 });
    const client = createKeyring({
      runner: createCommandRunner(),
      monotonicMs: () => home.now,
      environment: process.env,
      platform: "linux",
      program: path,
    });
    const secrets = home.source({ keyring: client });
    await expect(secrets.set("github", "x", { place: "keyring" })).rejects.toMatchObject({
      code: "command.failed",
      why: "Cannot autolaunch D-Bus without X11",
    });
    expect(secrets.has("github")).toBe(false);
    await expect(home.source().set("github", "x", { place: "keyring" })).rejects.toMatchObject({
      code: "usage.invalid",
    });
  });
});
