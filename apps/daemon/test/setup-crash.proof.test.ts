import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { createClient, findRunningDaemon } from "@clauderon/core";
import { expect, test } from "vitest";

import { TestHome } from "./daemon-process.ts";
import { until } from "./until.ts";

test("a daemon that is killed during a setup leaves a session that says so, no process, and can be started", async () => {
  await using home = new TestHome();
  const begun = path.join(home.root, "begun");
  const isReady = path.join(home.root, "ready");
  const script = path.join(home.root, "setup.sh");
  writeFileSync(script, `test -e '${isReady}' && exit 0\necho $$ >'${begun}'\nexec sleep 600\n`);
  appendFileSync(path.join(home.home, "config.toml"), `[workspace]\nsetup = "exec sh '${script}'"\n`);
  const first = home.start();
  const connect = async () => {
    await until(async () => (await findRunningDaemon(home.home)) !== undefined, "no daemon answers");
    return createClient({ homeDirectory: home.home, startDaemon: false });
  };
  const before = await connect();
  const creating = { repository: home.repository, name: "one", callerEnvironment: { PATH: process.env["PATH"] ?? "" } };
  await before.sessions.create(creating, { wait: false });
  await until(() => existsSync(begun) && readFileSync(begun, "utf8").endsWith("\n"), "the setup does not begin");
  first.child.kill("SIGKILL");
  await first.ended;
  await before.close();

  home.start();
  const client = await connect();
  const session = await client.sessions.get("one");
  await until(async () => (await session.detail()).lifecycle === "failed", "the session does not say that it failed");
  const { error } = await session.detail();
  expect(error).toMatchObject({
    code: "operation.interrupted",
    message: expect.stringContaining("setup of session one"),
  });
  const pid = Number(readFileSync(begun, "utf8"));
  await until(() => !isRunning(pid), "the setup goes on");
  writeFileSync(isReady, "");
  expect(await session.start({ callerEnvironment: creating.callerEnvironment })).toMatchObject({
    lifecycle: "running",
  });
  expect((await session.detail()).notices).toContainEqual(expect.stringContaining("workspace.setup ran"));
  await session.delete({ discard: true });
  await client.close();
}, 120_000);

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}
