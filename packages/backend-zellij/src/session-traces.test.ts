import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { hasTraces } from "./session-traces.ts";

describe("traces of a zellij session", () => {
  let directory: string;
  let places: Readonly<Record<string, string>>;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "traces-"));
    places = { HOME: directory, XDG_CACHE_HOME: join(directory, "cache"), ZELLIJ_SOCKET_DIR: join(directory, "s") };
  });
  afterEach(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));

  const write = async (...path: readonly string[]): Promise<void> => {
    const file = join(directory, ...path);
    await mkdir(join(file, ".."), { recursive: true });
    await writeFile(file, "");
  };

  it("finds none where zellij has never been", async () => {
    expect(await hasTraces(places, "clauderon-a")).toBe(false);
  });

  it("finds none of another session", async () => {
    await write("s", "contract_version_1", "clauderon-ab");
    await write("cache", "zellij", "contract_version_1", "session_info", "clauderon-b", "session-layout.kdl");
    expect(await hasTraces(places, "clauderon-a")).toBe(false);
  });

  it.each([["contract_version_1"], ["contract_version_2"], ["0.43.1"]])("finds a socket below %s", async (version) => {
    await write("s", version, "clauderon-a");
    expect(await hasTraces(places, "clauderon-a")).toBe(true);
  });

  it("finds the socket of a version without directories", async () => {
    await write("s", "clauderon-a");
    expect(await hasTraces(places, "clauderon-a")).toBe(true);
  });

  it.skipIf(process.platform === "darwin")("finds what is kept to be resurrected", async () => {
    await write("cache", "zellij", "contract_version_1", "session_info", "clauderon-a", "session-layout.kdl");
    expect(await hasTraces(places, "clauderon-a")).toBe(true);
  });
});
