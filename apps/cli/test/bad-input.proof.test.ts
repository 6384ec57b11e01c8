import { spawnSync } from "node:child_process";
import { access, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { createClient } from "@clauderon/core/client";
import { afterAll, beforeAll, expect, test } from "vitest";

import { eventually } from "./eventually.ts";
import { Installation, mainProgram } from "./installation.ts";

const SLOW = 600_000;
const FLOOD = String.raw`head -c 100000000 /dev/zero | tr '\0' x; echo; touch flood-done; exec sleep 600`;
let here: Installation;

beforeAll(async () => {
  here = await Installation.create();
  const path = join(here.home, "config.toml");
  // 200 of a small agent: what is looked at is clauderon.
  const agents = { flood: ["sh", "-c", FLOOD], idle: ["sleep", "600"] };
  const tables = Object.entries(agents).map(
    ([name, command]) => `[agents.${name}]\ncommand = ${JSON.stringify(command)}\n`,
  );
  await writeFile(path, `${await readFile(path, "utf8")}${tables.join("")}`);
}, SLOW);

afterAll(async () => {
  await here[Symbol.asyncDispose]();
}, SLOW);

test("200 creates at once: none fails, none is there twice, all go again", { timeout: SLOW }, async () => {
  await using client = createClient({ homeDirectory: here.home, environment: here.environment, program: mainProgram });
  const count = 200;
  const wanted = Array.from({ length: count }, (_, index) => `many-${index}`);
  const created = await Promise.allSettled(
    wanted.map((name) => client.sessions.create({ name, repository: here.repository, agent: "idle" })),
  );
  expect(created.filter(({ status }) => status === "rejected")).toEqual([]);
  const names = (await client.sessions.list()).map(({ name }) => name).filter((name) => name.startsWith("many-"));
  expect(names.toSorted()).toEqual(wanted.toSorted());

  const { code } = await here.cli(["delete", ...wanted, "--discard", "--yes"]);
  expect(code).toBe(0);
  expect(await client.sessions.list()).toEqual([]);
  expect(await readdir(join(here.home, "worktrees"))).toEqual([]);
  expect((await here.program(["git", "branch", "--list", "clauderon/*"])).stdout).toBe("");
});

test("an agent that prints 100 MB gets it all out, and the daemon stays small", { timeout: SLOW }, async () => {
  expect((await here.cli(["create", "flood", "--agent", "flood"])).code).toBe(0);
  await eventually(
    () => access(join(here.worktree("flood"), "flood-done")).then(() => true),
    "the end of what the agent prints",
  );
  expect(await residentMegabytes(await here.daemonPid())).toBeLessThan(400);
  expect((await here.cli(["logs", "flood", "-n", "1"])).code).toBe(0);
  expect((await here.cli(["delete", "flood", "--discard"])).code).toBe(0);
});

test.each([
  ["that is read-only", ["size=64k"], true, "file.failed"],
  ["on a full disk", ["size=16k"], false, "store.full"],
])("a home %s", { timeout: SLOW }, async (...[, options, isReadOnly, code]) => {
  const home = join(here.directory, `disk-${code}`);
  await mkdir(home);
  const isMounted = spawnSync("mount", ["-t", "tmpfs", "-o", options.join(","), "tmpfs", home]).status === 0;
  if (!isMounted) {
    expect(process.env["CLAUDERON_REQUIRE"] ?? "").not.toContain("mount");
    process.stdout.write("not run: mounting a file system needs root\n");
    return;
  }
  try {
    if (isReadOnly) expect(spawnSync("mount", ["-o", "remount,ro", home]).status).toBe(0);
    const result = await here.cli(["list"], { environment: { CLAUDERON_HOME: home } });
    expect(result.stderr).toContain(code);
    expect(result.stderr).toMatch(/^ {2}fix: \S/m);
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code: 1, stdout: "" });
  } finally {
    await here.cli(["daemon", "stop"], { environment: { CLAUDERON_HOME: home } });
    spawnSync("umount", [home]);
  }
});

async function residentMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}
