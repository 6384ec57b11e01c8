import { chmod, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { knownSecrets } from "@clauderon/proxy";
import { spawn as spawnPty } from "@lydell/node-pty";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { credentialNames } from "../src/values/credential-names.ts";
import { Installation, mainProgram } from "./installation.ts";
import { noCredentials, Vendor } from "./proxy-world.ts";
import { refused } from "./refused.ts";
import type { RunResult, RunSettings } from "./run-in-process.ts";

const SLOW = 120_000;
const VALUE = "sk-ant-api03-real-value-0123456789";
let here: Installation;

beforeAll(async () => {
  here = await Installation.create();
}, SLOW);

afterAll(async () => {
  await here[Symbol.asyncDispose]();
}, SLOW);

afterEach(async () => {
  await rm(join(here.home, "secrets"), { recursive: true, force: true, maxRetries: 10 });
  await rm(join(here.home, "proxy.toml"), { force: true });
});

/** Runs `config credentials …` with a home of the user's own; no answer may hold a value. */
async function credentials(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  keyboard: Pick<RunSettings, "input" | "isTerminal" | "answers"> = {},
): Promise<RunResult> {
  const own = { ...noCredentials, HOME: here.directory, ...environment };
  const result = await here.call(["config", "credentials", ...words], own, keyboard);
  expect(result.stdout + result.stderr).not.toContain(VALUE);
  return result;
}

async function stateOf(name: string, environment: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const { stdout } = await credentials(["--json"], environment);
  const rows = JSON.parse(stdout) as readonly { readonly name: string }[];
  return rows.find((row) => row.name === name);
}

async function store(name: string, mode = 0o600): Promise<string> {
  const path = join(here.home, "secrets", name);
  await mkdir(join(here.home, "secrets"), { recursive: true, mode: 0o700 });
  await writeFile(path, `${VALUE}\n`, { mode });
  await chmod(path, mode);
  return path;
}

describe("config credentials", { timeout: SLOW }, () => {
  test("lists what is known, with origin and state", async () => {
    const { code, stdout } = await credentials([]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^NAME +STATE +ORIGIN/);
    expect(stdout).toMatch(/^anthropic +missing +- +- +Anthropic API key$/m);
    expect((await credentials(["list"])).stdout).toBe(stdout);
    expect((await credentials(["-q"])).stdout).toBe("");
  });

  test("the guide's three ways to give a Sprites key", async () => {
    const path = await store("sprites_api_key");
    expect(await stateOf("sprites")).toMatchObject({ state: "ready", origin: "file", place: path });
    const variable = { SPRITES_API_KEY: VALUE };
    expect(await stateOf("sprites", variable)).toMatchObject({ origin: "environment", place: "SPRITES_API_KEY" });
    const reference = "op://Work/Sprites/api-key";
    await writeFile(join(here.home, "proxy.toml"), `[onepassword.credentials]\nsprites_api_key = "${reference}"\n`);
    expect(await stateOf("sprites")).toMatchObject({ state: "configured", origin: "1password", place: reference });
  });

  test("says why one is refused and what helps", async () => {
    const path = await store("openai", 0o644);
    const { stdout, stderr } = await credentials([]);
    expect(stdout).toMatch(/^openai +refused +file/m);
    expect(stderr).toContain(`chmod 600 ${path}`);
  });

  test("chooses fields, and refuses those it does not have", async () => {
    const { stdout } = await credentials(["list", "--json=name,state"]);
    expect(JSON.parse(stdout)).toContainEqual({ name: "github", state: "missing" });
    const wrong = await credentials(["list", "--json=value"]);
    expect({ code: wrong.code, stdout: wrong.stdout }).toEqual({ code: 2, stdout: "" });
  });

  test("a broken proxy.toml is an error with its line", async () => {
    await writeFile(join(here.home, "proxy.toml"), "secrets_dri = 1\n");
    const result = await credentials([]);
    expect(result.stderr).toContain("proxy.toml:1");
    expect(result.code).toBe(1);
  });
});

describe("set", { timeout: SLOW }, () => {
  test("stores standard input for this user alone", async () => {
    const { code, stderr } = await credentials(["set", "anthropic"], {}, { input: `${VALUE}\r\n` });
    expect({ code, stderr }).toEqual({ code: 0, stderr: `Stored anthropic in ${join(here.home, "secrets")}\n` });
    const path = join(here.home, "secrets", "anthropic");
    expect((await readFile(path, "utf8")).trimEnd()).toBe(VALUE);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await stateOf("anthropic")).toMatchObject({ state: "ready", origin: "file" });
  });

  test("asks without showing it, and not where nothing may be asked", async () => {
    const questions: string[] = [];
    const password = async (question: string): Promise<string> => {
      questions.push(question);
      return VALUE;
    };
    const terminal = { isTerminal: true, answers: { password } };
    const quiet = { AGENT: "", AI_AGENT: "" };
    expect((await credentials(["set", "anthropic"], quiet, terminal)).code).toBe(0);
    expect(questions).toEqual(["Value of anthropic"]);
    refused(await credentials(["set", "anthropic", "--no-input"], quiet, terminal), 2, "standard input");
    expect(questions).toHaveLength(1);
  });

  test("on a terminal: what is typed is not shown", async () => {
    const [file, ...args] = mainProgram;
    const { AGENT: _agent, AI_AGENT: _other, ...inherited } = { ...here.environment, ...noCredentials };
    const environment = { ...inherited, HOME: here.directory };
    const pty = spawnPty(file, [...args, "config", "credentials", "set", "gemini"], { cols: 100, env: environment });
    let shown = "";
    let isTyped = false;
    pty.onData((data) => {
      shown += data;
      if (isTyped || !shown.includes("Value of gemini")) return;
      isTyped = true;
      pty.write(`${VALUE}\r`);
    });
    const code = await new Promise<number>((resolve) => pty.onExit(({ exitCode }) => resolve(exitCode)));
    expect(code).toBe(0);
    expect(shown).toContain("Stored gemini");
    expect(shown).not.toContain(VALUE.slice(0, 8));
    expect((await readFile(join(here.home, "secrets", "gemini"), "utf8")).trimEnd()).toBe(VALUE);
  });

  test("tells of a name that no rule uses", async () => {
    const { code, stderr } = await credentials(["set", "antropic"], {}, { input: VALUE });
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("did you mean anthropic?") as string,
    });
    expect((await credentials(["set", "sprites"], {}, { input: VALUE })).stderr).not.toContain("no rule");
  });

  test.each([
    ["nothing", "", "is empty"],
    ["what is no text", "\u0000", "not plain text"],
  ])("tells of the name before it complains about the value: %s", async (_what, input, why) => {
    const { code, stderr } = await credentials(["set", "githb"], {}, { input });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(new RegExp(`no rule uses githb; did you mean github\\?[\\s\\S]*${why}`, "u"));
  });

  test("tells of the name before it asks for the value", async () => {
    const shown: string[] = [];
    const password = async (question: string): Promise<string> => {
      shown.push(question);
      return "";
    };
    const terminal = { isTerminal: true, answers: { password } };
    const { stderr } = await credentials(["set", "githb"], { AGENT: "", AI_AGENT: "" }, terminal);
    expect(stderr.indexOf("did you mean github?")).toBeLessThan(stderr.indexOf("is empty"));
    expect(shown).toEqual(["Value of githb"]);
  });

  test("tells what is stronger", async () => {
    const { stderr } = await credentials(["set", "openai"], { OPENAI_API_KEY: "sk-other" }, { input: VALUE });
    expect(stderr).toContain("OPENAI_API_KEY is stronger");
    expect(stderr).not.toContain("sk-other");
  });

  test.each([
    ["nothing", "", "is empty"],
    ["two lines", `${VALUE}\nsecond`, "more than one line"],
    ["what is no text", "\u0000\u00ff", "not plain text"],
    ["a megabyte", "x".repeat(1024 * 1024), "longer than"],
  ])("refuses %s", async (_what, input, why) => {
    const result = await credentials(["set", "anthropic"], {}, { input });
    expect(result.stderr).toContain(why);
    expect(result.code).not.toBe(0);
    expect(await stateOf("anthropic")).toMatchObject({ state: "missing" });
  });

  test("refuses names that are none, a value as an argument, and no name", async () => {
    refused(await credentials(["set", "../x"], {}, { input: VALUE }), 2, "not a name");
    const meant = "the name of what GH_TOKEN holds is github";
    refused(await credentials(["set", "GH_TOKEN"], {}, { isTerminal: true }), 2, meant);
    expect((await here.call(["config", "credentials", "set", "anthropic", "a-value"], {})).code).toBe(2);
    expect((await credentials(["set"])).code).toBe(2);
  });
});

test("completion offers the known names, without loading the proxy", { timeout: SLOW }, async () => {
  expect(credentialNames).toEqual(knownSecrets.map(({ name }) => name));
  const { stdout } = await here.call(["complete", "--", "config", "credentials", "set", "cl"]);
  expect(stdout).toMatch(/^claude-oauth$/m);
});

describe("import and rm", { timeout: SLOW }, () => {
  const environment = { GITHUB_TOKEN: VALUE, NPM_TOKEN: VALUE };

  test("stores what the known variables hold, once", async () => {
    const first = await credentials(["import"], environment);
    expect(first.stderr).toBe("Stored github from GITHUB_TOKEN\nStored npm from NPM_TOKEN\n");
    expect(await stateOf("github")).toMatchObject({ state: "ready", origin: "file" });
    expect((await credentials(["import"], environment)).stderr).toContain("Nothing to import");
    expect((await credentials(["rm", "github", "npm"])).code).toBe(0);
    expect(await stateOf("npm")).toMatchObject({ state: "missing" });
  });

  test("only those that are named", async () => {
    const { stdout } = await credentials(["import", "npm", "--json"], environment);
    expect(JSON.parse(stdout)).toEqual([{ name: "npm", variable: "NPM_TOKEN" }]);
    expect(await stateOf("github")).toMatchObject({ state: "missing" });
    refused(await credentials(["import", "openai"], environment), 2, "no openai to import");
    refused(await credentials(["import", "githb"], environment), 2, "did you mean github?");
  });

  test("rm tells what it removed before it came to one that it could not", async () => {
    await store("openai");
    const { code, stderr } = await credentials(["rm", "openai", "npm"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^Removed openai\n[\s\S]*No secret npm is stored/u);
    expect(await stateOf("openai")).toMatchObject({ state: "missing" });
  });

  test("rm refuses what is not stored here", async () => {
    refused(await credentials(["rm", "npm"]), 2, "No secret npm is stored");
    refused(await credentials(["rm", "npm"], environment), 2, "it comes from NPM_TOKEN");
    refused(await credentials(["rm"]), 2, "needs");
  });
});

describe("test", { timeout: SLOW }, () => {
  test("asks the vendor through a proxy, and says what it says", async () => {
    await using vendor = await Vendor.start(VALUE);
    await writeFile(join(here.home, "proxy.toml"), `[proxy.upstreams]\n"api.anthropic.com" = "${vendor.url}"\n`);
    await store("anthropic");
    await store("pagerduty");
    const good = await credentials(["test", "--json=name,outcome"]);
    expect(JSON.parse(good.stdout)).toEqual([
      { name: "anthropic", outcome: "accepted" },
      { name: "pagerduty", outcome: "readable" },
    ]);
    expect(good.code).toBe(0);
    expect(vendor.seen.map((headers) => headers["x-api-key"])).toEqual([VALUE]);

    const bad = await credentials(["test", "anthropic"], { ANTHROPIC_API_KEY: "sk-ant-wrong" });
    expect(bad.stdout).toMatch(/^anthropic +environment +refused +api.anthropic.com answered with 401$/m);
    expect(bad.stderr).toContain("config credentials set anthropic");
    expect(bad.code).toBe(1);
  });

  test("a question that the proxy does not let through says how to find out why", async () => {
    await writeFile(join(here.home, "proxy.toml"), '[proxy]\ndeny = ["api.anthropic.com"]\n');
    await store("anthropic");
    const { code, stdout, stderr } = await credentials(["test"]);
    expect(stdout).toMatch(/^anthropic +file +failed +the proxy did not let the question through$/m);
    expect(stderr).toContain("clauderon proxy explain https://api.anthropic.com/v1/models");
    expect(code).toBe(1);
  });

  test("a vendor that does not answer is no refusal", async () => {
    await writeFile(join(here.home, "proxy.toml"), '[proxy.upstreams]\n"api.anthropic.com" = "http://127.0.0.1:9"\n');
    await store("anthropic");
    const { code, stdout } = await credentials(["test", "anthropic", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject([{ outcome: "failed" }]);
    expect(code).toBe(1);
  });

  test("reads 1Password by its program", async () => {
    await here.shadow("op", `#!/bin/sh\n[ "$4" = op://a/b/c ] && printf '%s' ${VALUE} || exit 1\n`);
    const text = '[onepassword.credentials]\nsentry = "op://a/b/c"\ngrafana = "op://a/b/d"\n';
    await writeFile(join(here.home, "proxy.toml"), text);
    const { stdout } = await credentials(["test", "--json=name,origin,outcome"]);
    expect(JSON.parse(stdout)).toEqual([
      { name: "grafana", origin: "1password", outcome: "failed" },
      { name: "sentry", origin: "1password", outcome: "readable" },
    ]);
  });

  test("refuses a name that does not exist", async () => {
    refused(await credentials(["test", "nowhere"]), 2, 'no credential "nowhere"');
    refused(await credentials(["test", "antropic"]), 2, "did you mean anthropic?");
  });
});
