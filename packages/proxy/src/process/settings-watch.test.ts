import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, it, onTestFinished } from "vitest";

import { SettingsWatch } from "./settings-watch.ts";

const whole = '[proxy]\ndeny = ["evil.example"]\n';

async function watched(
  wait?: (ms: number) => Promise<unknown>,
): Promise<{ path: string; read: string[]; watch: SettingsWatch }> {
  const home = await mkdtemp(join(tmpdir(), "clauderon-settings-watch-"));
  onTestFinished(async () => rm(home, { recursive: true }));
  const path = join(home, "proxy.toml");
  writeFileSync(path, whole);
  const read: string[] = [];
  const reload = async (): Promise<void> => void read.push(readFileSync(path, "utf8"));
  return { path, read, watch: await SettingsWatch.begin({ home, userHome: home, others: () => [], wait }, reload) };
}

it("reads a file that is written in place when it rests", async () => {
  const { path, read, watch } = await watched();
  expect(await watch.reloadIfChanged()).toBe(false);

  writeFileSync(path, "");
  const reloading = watch.reloadIfChanged();
  await new Promise(setImmediate);
  writeFileSync(path, `${whole}# edited\n`);
  expect(await reloading).toBe(true);
  expect(read).toEqual([`${whole}# edited\n`]);
  expect(await watch.reloadIfChanged()).toBe(false);
});

it.each([
  ["empty", ""],
  ["cut off between two lines", "[proxy]\n"],
])("does not take a file for written that is %s while its writer has no processor", async (_name, part) => {
  let looks = 0;
  const { path, read, watch } = await watched(async () => {
    looks += 1;
    if (looks === 10) writeFileSync(path, `${whole}# edited\n`);
  });
  writeFileSync(path, part);
  expect(await watch.reloadIfChanged()).toBe(true);
  expect(read).toEqual([`${whole}# edited\n`]);
});

it("takes one in the end that stays shorter", async () => {
  let waitedMs = 0;
  const { path, read, watch } = await watched(async (ms) => {
    waitedMs += ms;
  });
  writeFileSync(path, "");
  expect(await watch.reloadIfChanged()).toBe(true);
  expect(read).toEqual([""]);
  expect(waitedMs).toBe(1000);
});
