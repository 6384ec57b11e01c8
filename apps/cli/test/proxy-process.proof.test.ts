import { once } from "node:events";
import { readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";

import { connectProxyProcess } from "@clauderon/proxy/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { Installation } from "./installation.ts";
import { noCredentials } from "./proxy-world.ts";
import type { RunResult } from "./run-in-process.ts";

const SLOW = 120_000;
const patience = { timeout: 30_000 };
let here: Installation;

beforeAll(async () => {
  here = await Installation.create();
}, SLOW);

afterAll(async () => {
  // Neither outlives the installation that they are of.
  await rm(join(here.home, "proxy.toml"), { force: true });
  await call(["daemon", "stop"]);
  const proxy = await connectProxyProcess(here.home);
  await proxy?.call("stop", { whenIdle: false });
  await proxy?.ended;
  await here[Symbol.asyncDispose]();
}, SLOW);

const call = (words: readonly string[]): Promise<RunResult> =>
  here.call(words, { ...noCredentials, HOME: here.directory });

async function status(): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse((await call(["proxy", "status", "--json"])).stdout) as Readonly<Record<string, unknown>>;
}

describe("the proxy's process", { timeout: SLOW }, () => {
  test("is shown, replaced when nothing is open or at once, and tells of settings that are not in force", async () => {
    const absent = await call(["proxy", "status"]);
    expect(absent).toMatchObject({ code: 5 });
    expect(absent.stderr).toContain("does not run");
    expect((await call(["proxy", "restart"])).stderr).toContain("does not run");

    const path = join(here.home, "proxy.toml");
    await writeFile(path, '[proxy]\nallow = ["intranet.example"]\n');
    expect((await call(["daemon", "start"])).code).toBe(0);
    await expect.poll(async () => (await call(["proxy", "status"])).code, patience).toBe(0);
    const first = await status();
    expect(first).toMatchObject({ schemaVersion: 1, sessions: 0, isEndingWhenIdle: false, settingsProblem: null });
    expect((await call(["daemon", "status"])).stdout).toMatch(
      new RegExp(`^proxy +pid ${String(first["processId"])}, port ${String(first["port"])}$`, "m"),
    );

    await writeFile(path, '[proxy]\nallow = ["intranet.example"]\nalow = []\n');
    await expect.poll(async () => (await status())["settingsProblem"], patience).not.toBeNull();
    const shown = (await call(["proxy", "status"])).stdout;
    expect(shown).toMatch(/^settings +those before the last change are in force$/m);
    expect(shown).toMatch(/^problem +.*proxy\.toml:3/m);
    expect((await call(["daemon", "status"])).stderr).toContain("proxy.toml:3");
    expect((await call(["doctor"])).stdout).toMatch(/proxy\.toml:3/);
    expect(await readFile(join(here.home, "logs", "proxy.log"), "utf8")).toContain("proxy.toml:3");
    await writeFile(path, '[proxy]\nallow = ["intranet.example"]\n');
    await expect.poll(async () => (await status())["settingsProblem"], patience).toBeNull();

    expect((await call(["proxy", "restart"])).stderr).toContain("runs anew");
    const second = await status();
    expect(second["processId"]).not.toBe(first["processId"]);
    expect(second["port"]).toBe(first["port"]);
    const others = ["proxy", "restart", "--now"];
    const socket = connect(Number(second["port"]), "127.0.0.1");
    socket.on("error", () => undefined);
    await once(socket, "connect");
    expect((await call(others)).stderr).toContain("runs anew");
    if (!socket.destroyed) await once(socket, "close");
    expect((await status())["processId"]).not.toBe(second["processId"]);
  });

  test("that cannot start says why and what helps, to whoever asks for it", async () => {
    const path = join(here.home, "proxy", "authority.pem");
    const text = await readFile(path, "utf8");
    await writeFile(path, text.slice(0, text.length / 2));
    process.kill(Number((await status())["processId"]), "SIGKILL");
    const said = async (words: readonly string[]): Promise<string> => {
      const { stdout, stderr } = await call(words);
      return stdout + stderr;
    };
    await expect
      .poll(async () => said(["proxy", "status"]), patience)
      .toMatch(/did not start[^]*cut off[^]*move it away/u);
    expect((await call(["proxy", "status"])).code).toBe(5);
    expect(await said(["doctor"])).toMatch(/^proxy +no +did not start[^]*cut off/mu);
    await writeFile(path, text);
    await expect.poll(async () => (await call(["proxy", "status"])).code, { timeout: 60_000 }).toBe(0);
    expect(await said(["doctor"])).toMatch(/^proxy +ok /mu);
  });
});
