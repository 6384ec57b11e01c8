import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { createCodexLogin, type CodexLogin } from "./codex-login.ts";
import type { SecretSource } from "./create-secret-source.ts";
import type { PostJson } from "./post-json.ts";
import { useSecretsHome, value } from "./testing/secrets-home.fixture.ts";

const home = useSecretsHome();

describe("the Codex login", () => {
  const path = (): string => join(home.root, "auth.json");
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
    const client = createCodexLogin({ path: path(), now: () => new Date(start.getTime() + home.now), post });
    return { client, secrets: home.source({ codexLogin: client, codexAuthPath: path() }) };
  }

  const never: PostJson = async () => {
    throw new Error("nobody asks here");
  };

  it("its access token is used while no other is given", async () => {
    await login(token("a", 3_600_000));
    expect(await value(codex(never).secrets, "codex-access")).toBe(token("a", 3_600_000));
    await home.store("codex-access", "stored");
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
    home.now = 31_000;
    await expect(secrets.get("codex-access")).rejects.toMatchObject({ why });
    expect(count).toBe(2);
    expect(await readFile(path(), "utf8")).toContain("refresh-1");
  });

  it("while it is still good for a minute, a failed renewal costs nothing", async () => {
    await login(token("old", 60_000));
    expect(await value(codex(never).secrets, "codex-access")).toBe(token("old", 60_000));
  });
});
