import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, it, onTestFinished } from "vitest";

import { SettingsWatch } from "./settings-watch.ts";

it("reads a file that is written in place when it rests", async () => {
  const home = await mkdtemp(join(tmpdir(), "clauderon-settings-watch-"));
  onTestFinished(async () => rm(home, { recursive: true }));
  const path = join(home, "proxy.toml");
  const whole = '[proxy]\ndeny = ["evil.example"]\n';
  writeFileSync(path, whole);
  const read: string[] = [];
  const reload = async (): Promise<void> => void read.push(readFileSync(path, "utf8"));
  const watch = await SettingsWatch.begin({ home, userHome: home, others: () => [] }, reload);
  expect(await watch.reloadIfChanged()).toBe(false);

  writeFileSync(path, "");
  const reloading = watch.reloadIfChanged();
  await new Promise(setImmediate);
  writeFileSync(path, `${whole}# edited\n`);
  expect(await reloading).toBe(true);
  expect(read).toEqual([`${whole}# edited\n`]);
  expect(await watch.reloadIfChanged()).toBe(false);
});
