import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { stopDaemon } from "./stop-daemon.ts";

/** Answers as the daemon of the home it is given. */
const DAEMON = `
const [home] = process.argv.slice(1);
const word = () => JSON.stringify({ status: "ok", product: "clauderon", version: "0.0.0", pid: process.pid });
const server = require("node:http").createServer((_request, response) => response.end(word()));
server.listen(0, "127.0.0.1", () => {
  const file = { pid: process.pid, version: "0.0.0", home, startedAt: new Date().toISOString() };
  const url = "http://127.0.0.1:" + server.address().port;
  require("node:fs").writeFileSync(home + "/daemon.json", JSON.stringify({ ...file, url }));
  process.stdout.write("ready");
});
`;

test.runIf(process.platform === "linux")(
  "a daemon that has ended is gone also where nobody reaps it, as in a container without an init",
  async () => {
    const home = await mkdtemp(join(tmpdir(), "clauderon-stop-"));
    // The daemon's parent becomes a program that never looks after its children.
    const script = '"$0" -e "$1" "$2" & exec sleep 600';
    const parent = spawn("sh", ["-c", script, process.execPath, DAEMON, home], { stdio: ["ignore", "pipe", "ignore"] });
    onTestFinished(async () => {
      parent.kill("SIGKILL");
      await rm(home, { recursive: true, force: true, maxRetries: 10 });
    });
    await once(parent.stdout, "data");
    expect(await stopDaemon(home)).toBe(true);
    expect(await stopDaemon(home)).toBe(false);
  },
);
