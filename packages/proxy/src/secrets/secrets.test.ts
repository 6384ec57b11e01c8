import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";

import { createCommandRunner } from "@clauderon/core/host";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { createCodexLogin, type CodexLogin, type PostJson } from "./codex-login.ts";
import { createSecretSource, type SecretSource, type SecretSourceSettings } from "./create-secret-source.ts";
import { createKeyring } from "./keyring.ts";
import { createOnePassword, type OnePassword } from "./one-password.ts";

let root = "";
let now = 0;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "clauderon-secrets-"));
  now = 0;
});

afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

const directory = (): string => join(root, "secrets");

function source(settings: Partial<SecretSourceSettings> = {}): SecretSource {
  return createSecretSource({ directory: directory(), environment: {}, monotonicMs: () => now, ...settings });
}

async function store(name: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  await mkdir(directory(), { recursive: true, mode: 0o700 });
  await writeFile(join(directory(), name), content);
  await chmod(join(directory(), name), mode);
}

const value = async (secrets: SecretSource, name: string): Promise<string | undefined> =>
  (await secrets.get(name))?.reveal();

describe("files", () => {
  it.each([
    ["token", "token"],
    ["token\n", "token"],
    ["token\r\n", "token"],
    ["token\n\n", "token"],
    ["a b!~", "a b!~"],
  ])("%j is read as %j", async (content, expected) => {
    await store("github", content);
    expect(await value(source(), "github")).toBe(expected);
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
    await store("github", content);
    const secrets = source();
    expect(secrets.has("github")).toBe(true);
    await expect(secrets.get("github")).rejects.toMatchObject({
      code: "settings.invalid",
      why: expect.stringMatching(why) as string,
    });
    expect(secrets.describe("github")).toMatchObject({ state: "refused" });
  });

  it.each([0o640, 0o604, 0o644, 0o660, 0o601, 0o777])("P60 a file with mode %o is refused", async (mode) => {
    await store("github", "token", mode);
    await expect(source().get("github")).rejects.toMatchObject({ fix: [`chmod 600 ${join(directory(), "github")}`] });
  });

  it("P60 a link, a directory and a fifo are refused", async () => {
    await store("elsewhere", "token");
    await symlink(join(directory(), "elsewhere"), join(directory(), "github"));
    await mkdir(join(directory(), "npm"), { mode: 0o700 });
    await createCommandRunner().run("mkfifo", ["-m", "600", join(directory(), "openai")]);
    for (const name of ["github", "npm", "openai"]) {
      await expect(source().get(name)).rejects.toMatchObject({ code: "settings.invalid" });
    }
  });

  it.each(["../config.toml", "..", ".", "a/b", "", "/etc/passwd", "A", "a\0", "-a", "x".repeat(101)])(
    "P60 the name %j reads and writes no file",
    async (name) => {
      await store("github", "token");
      const secrets = source();
      expect(secrets.has(name)).toBe(false);
      expect(await secrets.get(name)).toBeUndefined();
      await expect(secrets.set(name, "x")).rejects.toMatchObject({ code: "usage.invalid" });
      await expect(secrets.remove(name)).rejects.toMatchObject({ code: "usage.invalid" });
    },
  );

  it("a changed file is seen within a second, without a restart", async () => {
    await store("github", "one");
    const secrets = source();
    expect(await value(secrets, "github")).toBe("one");
    await store("github", "two");
    now = 1001;
    expect(await value(secrets, "github")).toBe("two");
    await rm(join(directory(), "github"));
    now = 2002;
    expect(secrets.has("github")).toBe(false);
  });

  it("the file names of old are read too", async () => {
    await store("github_token", "old");
    expect(await value(source(), "github")).toBe("old");
  });
});

describe("set and remove", () => {
  it("P60 a secret is stored with 0600 in a directory with 0700, whatever the umask", async () => {
    const umask = process.umask(0);
    try {
      await source().set("github", "token\n");
    } finally {
      process.umask(umask);
    }
    expect((await stat(directory())).mode & 0o777).toBe(0o700);
    expect((await stat(join(directory(), "github"))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(directory(), "github"), "utf8")).toBe("token\n");
    expect(await readdir(directory())).toEqual(["github"]);
  });

  it("P60 it replaces a file that others may read, and a link instead of following it", async () => {
    await store("npm", "old", 0o644);
    await store("target", "untouched");
    await symlink(join(directory(), "target"), join(directory(), "github"));
    const secrets = source();
    await secrets.set("npm", "new");
    await secrets.set("github", "new");
    expect((await stat(join(directory(), "npm"))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(directory(), "target"), "utf8")).toBe("untouched");
    expect(await value(secrets, "github")).toBe("new");
  });

  it("a value that cannot be used is refused before anything is written", async () => {
    await expect(source().set("github", "a\nb")).rejects.toMatchObject({ code: "settings.invalid" });
    await expect(readdir(directory())).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("the answer tells when something stronger still wins", async () => {
    const secrets = source({ environment: { GITHUB_TOKEN: "from-environment" } });
    expect(await secrets.set("github", "from-file")).toMatchObject({ origin: "environment", place: "GITHUB_TOKEN" });
    expect(await value(secrets, "github")).toBe("from-environment");
  });

  it("remove takes the file away, and says where else a secret comes from", async () => {
    const secrets = source({ environment: { NPM_TOKEN: "x" } });
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
    const secrets = source({ environment: { [variable]: "from-environment" } });
    expect(await value(secrets, name)).toBe("from-environment");
    expect(secrets.importable()).toContainEqual({ name, variable });
    expect(secrets.describe(name)).toMatchObject({ state: "ready", origin: "environment", place: variable });
  });

  it("it is stronger than the file; an empty variable is none", async () => {
    await store("github", "file");
    expect(await value(source({ environment: { GITHUB_TOKEN: "variable" } }), "github")).toBe("variable");
    expect(await value(source({ environment: { GITHUB_TOKEN: "" } }), "github")).toBe("file");
  });
});

describe("the Codex login", () => {
  const path = (): string => join(root, "auth.json");
  const start = new Date("2026-11-21T10:00:00Z");
  const token = (name: string, endsInMs: number): string =>
    [
      "e30",
      Buffer.from(JSON.stringify({ name, exp: (start.getTime() + endsInMs) / 1000 })).toString("base64url"),
      "s",
    ].join(".");

  async function login(access: string, refresh: string | undefined = "refresh-1"): Promise<void> {
    const tokens = { access_token: access, refresh_token: refresh, account_id: "acct", id_token: "id-1" };
    await writeFile(path(), JSON.stringify({ OPENAI_API_KEY: null, tokens, last_refresh: "old" }), { mode: 0o600 });
  }

  function codex(post: PostJson): { readonly secrets: SecretSource; readonly client: CodexLogin } {
    const client = createCodexLogin({ path: path(), now: () => new Date(start.getTime() + now), post });
    return { client, secrets: source({ codexLogin: client, codexAuthPath: path() }) };
  }

  const never: PostJson = async () => {
    throw new Error("nobody asks here");
  };

  it("its access token is used while no other is given", async () => {
    await login(token("a", 3_600_000));
    expect(await value(codex(never).secrets, "codex-access")).toBe(token("a", 3_600_000));
    await store("codex-access", "stored");
    expect(await value(codex(never).secrets, "codex-access")).toBe("stored");
  });

  it.each(["{", "[]", '{"auth_mode":"apikey"}', '{"tokens":null}'])("%s is no login", async (content) => {
    await writeFile(path(), content, { mode: 0o600 });
    expect(codex(never).secrets.has("codex-access")).toBe(false);
  });

  it("P27 twenty callers at once renew an ending login once, in place, and none sees the refresh token", async () => {
    await login(token("old", 60_000));
    const asked: unknown[] = [];
    const { secrets } = codex(async (url, body) => {
      asked.push({ url, body });
      return {
        status: 200,
        text: JSON.stringify({ access_token: token("new", 3_600_000), refresh_token: "refresh-2", id_token: "id-2" }),
      };
    });
    const all = await Promise.all(Array.from({ length: 20 }, async () => value(secrets, "codex-access")));
    expect(new Set(all)).toEqual(new Set([token("new", 3_600_000)]));
    expect(asked).toEqual([
      {
        url: "https://auth.openai.com/oauth/token",
        body: {
          client_id: "app_EMoamEEZ73f0CkXaXp7hrann",
          grant_type: "refresh_token",
          refresh_token: "refresh-1",
          scope: "openid profile email",
        },
      },
    ]);
    expect(JSON.parse(await readFile(path(), "utf8"))).toEqual({
      OPENAI_API_KEY: null,
      tokens: {
        access_token: token("new", 3_600_000),
        refresh_token: "refresh-2",
        account_id: "acct",
        id_token: "id-2",
      },
      last_refresh: "2026-11-21T10:00:00.000Z",
    });
    expect((await stat(path())).mode & 0o777).toBe(0o600);
  });

  it("a login that the Codex CLI renewed in the meantime is kept as it wrote it", async () => {
    await login(token("old", -1000));
    const { secrets } = codex(async () => {
      await login(token("by-codex", 3_600_000), "refresh-of-codex");
      return { status: 401, text: "refresh token was already used" };
    });
    expect(await value(secrets, "codex-access")).toBe(token("by-codex", 3_600_000));
    expect(await readFile(path(), "utf8")).toContain("refresh-of-codex");
  });

  it.each([
    [{ status: 401, text: "{}" }, "auth.openai.com answered with 401"],
    [{ status: 200, text: "<html>" }, "auth.openai.com answered with 200"],
    [{ status: 200, text: '{"access_token":""}' }, "auth.openai.com answered with 200"],
  ])("when it has ended and the answer is %j, the error says so and the file stays", async (answer, why) => {
    await login(token("old", -1000));
    let count = 0;
    const { secrets } = codex(async () => {
      count += 1;
      return answer;
    });
    await expect(secrets.get("codex-access")).rejects.toMatchObject({
      code: "settings.invalid",
      why,
      fix: ["log in again on this machine: codex login"],
    });
    await expect(secrets.get("codex-access")).rejects.toMatchObject({ why });
    expect(count).toBe(1);
    now = 31_000;
    await expect(secrets.get("codex-access")).rejects.toMatchObject({ why });
    expect(count).toBe(2);
    expect(await readFile(path(), "utf8")).toContain("refresh-1");
  });

  it("while it is still good for a minute, a failed renewal costs nothing", async () => {
    await login(token("old", 60_000));
    expect(await value(codex(never).secrets, "codex-access")).toBe(token("old", 60_000));
  });
});

describe("1Password", () => {
  /** A program that behaves as `op`: answers, fails or hangs, and counts its calls. */
  async function program(body: string): Promise<{ readonly path: string; calls(): Promise<number> }> {
    const path = join(root, "op");
    const log = join(root, "calls");
    await writeFile(path, `#!/bin/sh\necho "$@" >> ${log}\n${body}\n`, { mode: 0o755 });
    return { path, calls: async () => (await readFile(log, "utf8").catch(() => "")).split("\n").length - 1 };
  }

  const references = { github: "op://Work/GitHub token/credential", sprites_api_key: "op://Work/Sprites/api-key" };

  function withProgram(path: string): SecretSource {
    const client: OnePassword = createOnePassword(
      { program: path, references },
      { runner: createCommandRunner(), monotonicMs: () => now, environment: process.env },
    );
    return source({ onePassword: { client, settings: { references } } });
  }

  it("it is asked once, with arguments and no shell, and remembered", async () => {
    const op = await program('[ "$4" = "op://Work/GitHub token/credential" ] && printf from-op');
    const secrets = withProgram(op.path);
    expect(secrets.describe("github")).toMatchObject({ state: "configured", origin: "1password" });
    const all = await Promise.all([value(secrets, "github"), value(secrets, "github"), value(secrets, "github")]);
    expect(all).toEqual(["from-op", "from-op", "from-op"]);
    expect(await op.calls()).toBe(1);
    now = 16 * 60_000;
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
    now = 31_000;
    await expect(secrets.get("github")).rejects.toMatchObject({ code: "command.failed" });
    expect(await op.calls()).toBe(2);
  });

  it("a missing program is an error that says so", async () => {
    const secrets = withProgram(join(root, "nowhere"));
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
    const path = join(root, "secret-tool");
    const log = join(root, "calls");
    const values = join(root, "values");
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
      monotonicMs: () => now,
      environment: process.env,
      platform,
      program: path,
    });
    return { secrets: source({ keyring: client }), calls: async () => readFile(log, "utf8").catch(() => "") };
  }

  it("a secret is kept there and not in a file, and its value is in no argument", async () => {
    await store("github", "old-file");
    const { secrets, calls } = await keyring();
    expect(await secrets.set("github", "CANARY", { place: "keyring" })).toMatchObject({
      origin: "keyring",
      state: "configured",
    });
    expect(await value(secrets, "github")).toBe("CANARY");
    expect(await value(secrets, "github")).toBe("CANARY");
    expect(await readdir(directory())).toEqual([".keyring"]);
    expect(await readFile(join(directory(), ".keyring"), "utf8")).toBe("github\n");
    expect((await stat(join(directory(), ".keyring"))).mode & 0o777).toBe(0o600);
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
    expect(await readFile(join(root, "values", "stdin"), "utf8")).toBe(
      `add-generic-password -U -s clauderon -a github -X ${Buffer.from('a "b').toString("hex")}\n`,
    );
    expect(await calls()).toBe("-i\n");
    expect(await secrets.get("github")).toBeUndefined();
  });

  it("a locked keyring, and none, are errors with a fix", async () => {
    const path = join(root, "locked");
    await writeFile(path, '#!/bin/sh\necho "Cannot autolaunch D-Bus without X11" >&2\nexit 1\n', { mode: 0o755 });
    const client = createKeyring({
      runner: createCommandRunner(),
      monotonicMs: () => now,
      environment: process.env,
      platform: "linux",
      program: path,
    });
    const secrets = source({ keyring: client });
    await expect(secrets.set("github", "x", { place: "keyring" })).rejects.toMatchObject({
      code: "command.failed",
      why: "Cannot autolaunch D-Bus without X11",
    });
    expect(secrets.has("github")).toBe(false);
    await expect(source().set("github", "x", { place: "keyring" })).rejects.toMatchObject({ code: "usage.invalid" });
  });
});

describe("never printed", () => {
  it("P61 no way of printing a secret or the list shows the value", async () => {
    const canary = "ghp_CANARY7f3a";
    await store("github", canary);
    await store("npm", `${canary}\nsecond`);
    const secrets = source({ environment: { OPENAI_API_KEY: canary, GEMINI_API_KEY: `${canary}\0` } });
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
