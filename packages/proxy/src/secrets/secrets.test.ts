import { mkdir, readdir, readFile, rm, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";

import { createCommandRunner } from "@clauderon/core/host";
import { describe, expect, it } from "vitest";

import { useSecretsHome, value } from "./testing/secrets-home.fixture.ts";

const home = useSecretsHome();

describe("files", () => {
  it.each([
    ["token", "token"],
    ["token\n", "token"],
    ["token\r\n", "token"],
    ["token\n\n", "token"],
    ["a b!~", "a b!~"],
  ])("%j is read as %j", async (content, expected) => {
    await home.store("github", content);
    expect(await value(home.source(), "github")).toBe(expected);
  });

  it.each([
    ["", /is empty/],
    ["\n", /is empty/],
    ["two\nlines", /more than one line/],
    ["a\rb", /more than one line/],
    ["a\0b", /not plain text/],
    ["tök", /not plain text/],
    [Buffer.from([0xff, 0xfe, 0x41]), /not plain text/],
    [" token", /space/],
    ["token\t", /not plain text/],
    ["x".repeat(20_000), /longer than/],
  ])("the content %j is refused", async (content, why) => {
    await home.store("github", content);
    const secrets = home.source();
    expect(secrets.has("github")).toBe(true);
    await expect(secrets.get("github")).rejects.toMatchObject({
      code: "settings.invalid",
      why: expect.stringMatching(why) as string,
    });
    expect(secrets.describe("github")).toMatchObject({ state: "refused" });
  });

  it.each([0o640, 0o604, 0o644, 0o660, 0o601, 0o777])("P60 a file with mode %o is refused", async (mode) => {
    await home.store("github", "token", mode);
    await expect(home.source().get("github")).rejects.toMatchObject({
      fix: [`chmod 600 ${join(home.directory(), "github")}`],
    });
  });

  it("P60 a link, a directory and a fifo are refused", async () => {
    await home.store("elsewhere", "token");
    await symlink(join(home.directory(), "elsewhere"), join(home.directory(), "github"));
    await mkdir(join(home.directory(), "npm"), { mode: 0o700 });
    await createCommandRunner().run("mkfifo", ["-m", "600", join(home.directory(), "openai")]);
    for (const name of ["github", "npm", "openai"]) {
      await expect(home.source().get(name)).rejects.toMatchObject({ code: "settings.invalid" });
    }
  });

  it.each(["../config.toml", "..", ".", "a/b", "", "/etc/passwd", "A", "a\0", "-a", "x".repeat(101)])(
    "P60 the name %j reads and writes no file",
    async (name) => {
      await home.store("github", "token");
      const secrets = home.source();
      expect(secrets.has(name)).toBe(false);
      expect(await secrets.get(name)).toBeUndefined();
      await expect(secrets.set(name, "x")).rejects.toMatchObject({ code: "usage.invalid" });
      await expect(secrets.remove(name)).rejects.toMatchObject({ code: "usage.invalid" });
    },
  );

  it("a changed file is seen within a second, without a restart", async () => {
    await home.store("github", "one");
    const secrets = home.source();
    expect(await value(secrets, "github")).toBe("one");
    await home.store("github", "two");
    home.now = 1001;
    expect(await value(secrets, "github")).toBe("two");
    await rm(join(home.directory(), "github"));
    home.now = 2002;
    expect(secrets.has("github")).toBe(false);
  });

  it("the file names of old are read too", async () => {
    await home.store("github_token", "old");
    expect(await value(home.source(), "github")).toBe("old");
  });
});

describe("set and remove", () => {
  it("P60 a secret is stored with 0600 in a directory with 0700, whatever the umask", async () => {
    const umask = process.umask(0);
    try {
      await home.source().set("github", "token\n");
    } finally {
      process.umask(umask);
    }
    expect((await stat(home.directory())).mode & 0o777).toBe(0o700);
    expect((await stat(join(home.directory(), "github"))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(home.directory(), "github"), "utf8")).toBe("token\n");
    expect(await readdir(home.directory())).toEqual(["github"]);
  });

  it("P60 it replaces a file that others may read, and a link instead of following it", async () => {
    await home.store("npm", "old", 0o644);
    await home.store("target", "untouched");
    await symlink(join(home.directory(), "target"), join(home.directory(), "github"));
    const secrets = home.source();
    await secrets.set("npm", "new");
    await secrets.set("github", "new");
    expect((await stat(join(home.directory(), "npm"))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(home.directory(), "target"), "utf8")).toBe("untouched");
    expect(await value(secrets, "github")).toBe("new");
  });

  it("a value that cannot be used is refused before anything is written", async () => {
    await expect(home.source().set("github", "a\nb")).rejects.toMatchObject({ code: "settings.invalid" });
    await expect(readdir(home.directory())).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("the answer tells when something stronger still wins", async () => {
    const secrets = home.source({ environment: { GITHUB_TOKEN: "from-environment" } });
    expect(await secrets.set("github", "from-file")).toMatchObject({ origin: "environment", place: "GITHUB_TOKEN" });
    expect(await value(secrets, "github")).toBe("from-environment");
  });

  it("remove takes the file away, and says where else a secret comes from", async () => {
    const secrets = home.source({ environment: { NPM_TOKEN: "x" } });
    await secrets.set("github", "token");
    await secrets.remove("github");
    expect(secrets.has("github")).toBe(false);
    await expect(secrets.remove("github")).rejects.toMatchObject({
      message: expect.stringContaining("No secret") as string,
    });
    await expect(secrets.remove("npm")).rejects.toMatchObject({ why: "it comes from NPM_TOKEN" });
  });
});

describe("environment", () => {
  it.each([
    ["github", "GITHUB_TOKEN"],
    ["claude-oauth", "CLAUDE_CODE_OAUTH_TOKEN"],
    ["anthropic", "ANTHROPIC_API_KEY"],
    ["openai", "OPENAI_API_KEY"],
    ["openai", "CODEX_API_KEY"],
    ["pagerduty", "PAGERDUTY_TOKEN"],
    ["pagerduty", "PAGERDUTY_API_KEY"],
    ["sentry", "SENTRY_AUTH_TOKEN"],
    ["grafana", "GRAFANA_API_KEY"],
    ["npm", "NPM_TOKEN"],
    ["docker", "DOCKER_TOKEN"],
    ["kubernetes", "K8S_TOKEN"],
    ["talos", "TALOS_TOKEN"],
    ["codex-access", "CODEX_ACCESS_TOKEN"],
    ["sprites", "SPRITES_TOKEN"],
    ["sprites", "SPRITES_API_KEY"],
    ["gemini", "GOOGLE_API_KEY"],
    ["gemini", "GEMINI_API_KEY"],
  ])("%s comes from %s and is importable", async (name, variable) => {
    const secrets = home.source({ environment: { [variable]: "from-environment" } });
    expect(await value(secrets, name)).toBe("from-environment");
    expect(secrets.importable()).toContainEqual({ name, variable });
    expect(secrets.describe(name)).toMatchObject({ state: "ready", origin: "environment", place: variable });
  });

  it("it is stronger than the file; an empty variable is none", async () => {
    await home.store("github", "file");
    expect(await value(home.source({ environment: { GITHUB_TOKEN: "variable" } }), "github")).toBe("variable");
    expect(await value(home.source({ environment: { GITHUB_TOKEN: "" } }), "github")).toBe("file");
  });
});

describe("never printed", () => {
  it("P61 no way of printing a secret or the list shows the value", async () => {
    const canary = "ghp_CANARY7f3a";
    await home.store("github", canary);
    await home.store("npm", `${canary}\nsecond`);
    const secrets = home.source({ environment: { OPENAI_API_KEY: canary, GEMINI_API_KEY: `${canary}\0` } });
    const secret = await secrets.get("github");
    const list = await secrets.list();
    const errors = await Promise.all(
      ["npm", "gemini"].map(async (name) => secrets.get(name).catch((error: unknown) => error)),
    );
    const printed = [
      `${String(secret)} ${secret?.toString() ?? ""}`,
      JSON.stringify({ secret, list, errors }),
      inspect({ secret, list, errors, secrets }, { depth: 9, showHidden: true, getters: true }),
      ...errors.map((error) => inspect(error)),
    ].join("\n");
    expect(printed).not.toContain(canary);
    expect(printed).toContain("[secret]");
    expect(list.find(({ name }) => name === "github")).toMatchObject({ state: "ready", origin: "file" });
    expect(list.find(({ name }) => name === "docker")).toMatchObject({
      state: "missing",
      fix: "clauderon config credentials set docker",
    });
  });
});
