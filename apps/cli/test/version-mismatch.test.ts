import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { eventually } from "./eventually.ts";
import { Installation } from "./installation.ts";

const SLOW = 120_000;
/** A daemon of the time before an upgrade: says who it is, and knows nothing else that is asked of it. */
const OTHER_DAEMON = `
const [home, version] = process.argv.slice(1);
const server = require("node:http").createServer((request, response) => {
  if (request.url !== "/healthz") return response.writeHead(500).end("asked for " + request.url);
  response.end(JSON.stringify({ status: "ok", product: "clauderon", version, pid: process.pid }));
});
server.listen(0, "127.0.0.1", () => {
  const url = "http://127.0.0.1:" + server.address().port;
  const file = { pid: process.pid, url, version, home, startedAt: new Date().toISOString() };
  require("node:fs").writeFileSync(home + "/daemon.json", JSON.stringify(file));
  process.stdout.write("ready");
});
`;
let here: Installation;
let other: ChildProcess | undefined;

beforeAll(async () => {
  here = await Installation.create();
  expect((await here.call(["create", "kept", "-p", "hello"])).code).toBe(0);
  await eventually(
    async () => ((await here.call(["logs", "kept"])).stdout.includes("task: hello") ? true : undefined),
    "the agent's first line",
  );
  await writeFile(join(here.worktree("kept"), "work.txt"), "kept\n");
  await here.call(["daemon", "stop"]);
}, SLOW);

afterAll(async () => {
  other?.kill("SIGKILL");
  await here[Symbol.asyncDispose]();
}, SLOW);

/** Resolves when the other daemon answers. */
async function startOther(version: string): Promise<ChildProcess> {
  other?.kill("SIGKILL");
  const child = spawn(process.execPath, ["-e", OTHER_DAEMON, here.home, version], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  other = child;
  await once(child.stdout, "data");
  return child;
}

test.each(["99.0.0", "0.0.9"])(
  "a daemon of version %s: refused with the fix, and it is left alone",
  async (version) => {
    const daemon = await startOther(version);
    for (const argv of [
      ["list"],
      ["create", "x"],
      ["stop", "kept"],
      ["delete", "kept", "--discard"],
      ["daemon", "status"],
    ]) {
      const { code, stdout, stderr } = await here.call(argv);
      expect({ argv, code, stdout }).toEqual({ argv, code: 5, stdout: "" });
      expect(stderr).toContain(`error: The daemon is version ${version}, this is version`);
      expect(stderr).toMatch(/^ {2}why: \S/m);
      expect(stderr).toMatch(/^ {2}fix: restart it \(agents go on\): clauderon daemon restart$/m);
      expect(stderr).toContain("code: daemon.version-mismatch");
    }
    expect((await here.call(["version"])).stdout).toContain(`daemon ${version}`);
    expect(daemon.exitCode).toBeNull();
  },
);

test("the restart it names ends it; sessions, agents and work are there", { timeout: SLOW }, async () => {
  const daemon = await startOther("99.0.0");
  const ended = once(daemon, "exit");
  const restarted = await here.cli(["daemon", "restart"]);
  expect(restarted).toMatchObject({ code: 0, stderr: expect.stringContaining("The daemon runs") });
  expect(await ended).toEqual([null, "SIGTERM"]);
  expect(JSON.parse((await here.call(["list", "--json=name,state"])).stdout)).toEqual([
    { name: "kept", state: "running" },
  ]);
  expect((await here.call(["exec", "kept", "--", "cat", "work.txt"])).stdout).toBe("kept\n");
  // The agent is the one that was started first.
  expect((await here.call(["logs", "kept"])).stdout.split("task: hello")).toHaveLength(2);
});
