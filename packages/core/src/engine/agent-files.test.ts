import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, it } from "vitest";

import { agentFilesPlace, makeAgentFiles, writeAgentFiles } from "./agent-files.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "clauderon-agent-files-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

it("of a host's session lie in its own directory, for this user alone", async () => {
  const directory = join(root, "s");
  expect(await makeAgentFiles(directory, "none")).toBeUndefined();
  const place = await agentFilesPlace(directory, {});
  expect(place).toEqual({ here: directory, inside: directory, isForAnyUser: false });
  await writeAgentFiles([{ path: join(directory, "prompt.md"), content: "do" }], place);
  expect([await modeOf(directory), await modeOf(join(directory, "prompt.md"))]).toEqual([0o700, 0o600]);
});

it("of an isolated session lie where its sandbox has them, for whichever user it has", async () => {
  const before = process.umask(0o077);
  try {
    const directory = join(root, "s");
    const given = await makeAgentFiles(directory, "container");
    expect(given).toBe(join(directory, "agent"));
    const place = await agentFilesPlace(directory, { agentFilesPath: "/run/agent" });
    await writeAgentFiles([{ path: "/run/agent/deep/settings.json", content: "{}" }], place);
    expect(await readFile(join(directory, "agent/deep/settings.json"), "utf8")).toBe("{}");
    expect(await modeOf(directory)).toBe(0o700);
    for (const path of ["agent", "agent/deep"]) expect(await modeOf(join(directory, path))).toBe(0o755);
    expect(await modeOf(join(directory, "agent/deep/settings.json"))).toBe(0o644);
    // The directory that a sandbox has mounted stays the same one.
    const { ino } = await stat(join(directory, "agent"));
    await makeAgentFiles(directory, "container");
    expect((await stat(join(directory, "agent"))).ino).toBe(ino);
  } finally {
    process.umask(before);
  }
});

it.each(["/run/agent", "/run/agent/../x", "/run/agents/x", "/etc/x", "x"])(
  "are refused elsewhere: %s",
  async (path) => {
    const place = await agentFilesPlace(join(root, "s"), { agentFilesPath: "/run/agent" });
    await expect(writeAgentFiles([{ path, content: "" }], place)).rejects.toMatchObject({ code: "path.refused" });
  },
);
