import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { Launches } from "./launches.ts";

const now = new Date(0);

describe("the launches of a sandbox", () => {
  let directory: string;
  let launches: Launches;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "launches-"));
    launches = new Launches(directory);
  });
  afterEach(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));

  it("knows none at first", async () => {
    expect(await launches.last()).toBeUndefined();
    expect(await launches.find("a")).toBeUndefined();
  });

  it("is begun once, also by many at the same time", async () => {
    const begun = await Promise.all(
      Array.from({ length: 8 }, () => launches.begin({ launchId: "a", mode: "terminal" }, now)),
    );
    expect(begun.filter(Boolean)).toHaveLength(1);
    expect(await launches.find("a")).toMatchObject({ launchId: "a", mode: "terminal", number: 1, owner: process.pid });
  });

  it("keeps the order whatever the clock says", async () => {
    await launches.begin({ launchId: "b", mode: "terminal" }, new Date(9));
    await launches.begin({ launchId: "a", mode: "headless" }, now);
    expect((await launches.last())?.launchId).toBe("a");
    await launches.forget("a");
    expect((await launches.last())?.launchId).toBe("b");
  });

  it("does not take what was cut off before it was named", async () => {
    await mkdir(join(directory, "launches", ".new-1"), { recursive: true });
    await writeFile(join(directory, "launches", ".new-1", "launch.json"), "{");
    expect(await launches.last()).toBeUndefined();
  });

  it.each([["../a"], ["a/b"], [""], ["."]])("never leaves its directory: %j", async (launchId) => {
    expect(await launches.find(launchId)).toBeUndefined();
  });

  it("reads marks when they are whole", async () => {
    await launches.begin({ launchId: "a", mode: "terminal" }, now);
    const launch = await launches.find("a");
    if (launch === undefined) throw new Error("it was begun");
    expect([launch.marks.processes, launch.marks.exitCode, launch.marks.refusal]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    await writeFile(join(launch.directory, "started"), "12 34 5");
    expect(launch.marks.processes).toBeUndefined();
    await writeFile(join(launch.directory, "started"), "12 34 56\n");
    expect(launch.marks.processes).toEqual({ agent: 12, wrapper: 34, server: 56 });
    await writeFile(join(launch.directory, "exit"), "0\n");
    expect(launch.marks.exitCode).toBe(0);
  });

  it("keeps the last text for its owner alone, and none of a launch that is forgotten", async () => {
    await launches.begin({ launchId: "a", mode: "terminal" }, now);
    const launch = await launches.find("a");
    if (launch === undefined) throw new Error("it was begun");
    expect(await launches.keptText(launch)).toBe("");
    await launches.keepText(launch, "words");
    expect(await launches.keptText(launch)).toBe("words");
    expect((await stat(join(launch.directory, "text"))).mode & 0o777).toBe(0o600);
    await launches.forget("a");
    await launches.keepText(launch, "late");
    expect(await launches.keptText(launch)).toBe("");
  });
});
