import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { chatGpt, loginServer } from "./chatgpt-upstream.ts";
import { startClientWorld, type ClientWorld } from "./client-world.ts";
import { startTlsUpstream } from "./package-upstream.ts";
import { runsClient } from "./required-client.ts";

const {
  CLAUDERON_TEST_AGENTS: programs = "",
  CLAUDERON_TEST_MODEL_URL: modelUrl = "",
  CLAUDERON_TEST_MODEL_KEY: modelKey = "",
} = process.env;
const program = join(programs, "codex");
const accountId = "acct-7c1e";
const prompt = "%say Working on it\n%run echo ok >> hello.txt\n%say Grüße";
const argv = ["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", prompt];
const hourMs = 3_600_000;

/** As OpenAI's are: readable claims, and a part that must never be seen. */
function accessToken(name: string, endsInMs: number): string {
  const claims = { exp: Math.floor((Date.now() + endsInMs) / 1000), name };
  return ["eyJhbGciOiJSUzI1NiJ9", Buffer.from(JSON.stringify(claims)).toString("base64url"), `${name}SIGNATURE`].join(
    ".",
  );
}

function userLogin(access: string): string {
  return JSON.stringify({
    auth_mode: "chatgpt",
    OPENAI_API_KEY: null,
    tokens: { id_token: access, access_token: access, refresh_token: "rt-REAL-1", account_id: accountId },
    last_refresh: "2026-01-01T00:00:00Z",
  });
}

async function work(world: ClientWorld): Promise<void> {
  const cwd = join(world.home, "work");
  await mkdir(cwd);
  expect((await world.run(["git", "init", "--quiet"], { cwd })).code).toBe(0);
  const { code, output } = await world.run([program, ...world.agentArguments, ...argv], { cwd });
  expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining("Grüße") });
  expect(await readFile(join(cwd, "hello.txt"), "utf8")).toBe("ok\n");
  const seen = output + (await world.written());
  expect(seen).not.toMatch(/SIGNATURE|rt-REAL/u);
}

const isThere = runsClient("codex", modelUrl === "" ? ["CLAUDERON_TEST_MODEL_URL-is-not-set"] : [program, "--version"]);

describe.runIf(isThere)("C3 the real Codex with the ChatGPT login of the user's machine", () => {
  it("works with placeholders alone; its own renewal gives it placeholders again", async () => {
    const access = accessToken("first", hourMs);
    // Nobody renews the user's own login, which is good for an hour: what Codex renews is answered in the proxy.
    const asked: string[] = [];
    await using upstream = await startTlsUpstream({
      "chatgpt.com": chatGpt({ access: () => access, accountId, modelUrl, modelKey }),
      "auth.openai.com": loginServer((token) => void asked.push(token)),
    });
    const origins = { "chatgpt.com": upstream.port, "auth.openai.com": upstream.port };
    await using world = await startClientWorld({ origins, secrets: {}, codexLogin: userLogin(access) }, "codex");
    const path = join(world.home, ".codex", "auth.json");
    const wired = JSON.parse(await readFile(path, "utf8")) as { tokens: object; last_refresh: string };
    // Old enough for Codex to renew it before it asks anything.
    await writeFile(path, JSON.stringify({ ...wired, last_refresh: "2026-01-01T00:00:00Z" }), { mode: 0o600 });
    await work(world);
    const renewed = JSON.parse(await readFile(path, "utf8")) as { tokens: object; last_refresh: string };
    expect(renewed.last_refresh).not.toBe("2026-01-01T00:00:00Z");
    expect(renewed.tokens).toEqual(wired.tokens);
    expect(asked).toEqual([]);
    const paths = (await world.audit()).map(({ service, path: at }) => `${service}${at}`);
    expect(paths).toContain("auth.openai.com/oauth/token");
    expect(paths).toContain("chatgpt.com/backend-api/codex/responses");
  });

  it("goes on when the user's login has ended: the proxy renews it, once, at the host that the settings name", async () => {
    let access = accessToken("ended", -hourMs);
    const asked: string[] = [];
    await using upstream = await startTlsUpstream({
      "chatgpt.com": chatGpt({ access: () => access, accountId, modelUrl, modelKey }),
      "auth.openai.com": loginServer((token) => {
        asked.push(token);
        if (token !== "rt-REAL-1") return undefined;
        access = accessToken("second", hourMs);
        return { access_token: access, refresh_token: "rt-REAL-2", id_token: access };
      }),
    });
    const origins = { "chatgpt.com": upstream.port, "auth.openai.com": upstream.port };
    await using world = await startClientWorld({ origins, secrets: {}, codexLogin: userLogin(access) }, "codex");
    await work(world);
    expect(asked).toEqual(["rt-REAL-1"]);
  });
});
