import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";

import { createClient, findRunningDaemon, type Client } from "@clauderon/core";
import { expect, test } from "vitest";

import { type StartedProcess, TestHome } from "./daemon-process.ts";
import { git } from "./daemon-rig.ts";
import { until } from "./until.ts";

/** Every program of this machine but git. */
function programsWithoutGit(directory: string): string {
  mkdirSync(directory);
  for (const place of ["/usr/bin", "/bin"]) {
    for (const name of readdirSync(place)) {
      if (name.startsWith("git")) continue;
      try {
        symlinkSync(path.join(place, name), path.join(directory, name));
      } catch (error) {
        // The same program in the second place.
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
    }
  }
  return directory;
}

async function connect(home: TestHome): Promise<Client> {
  await until(async () => (await findRunningDaemon(home.home)) !== undefined, "no daemon answers");
  return createClient({ homeDirectory: home.home, startDaemon: false });
}

async function stop(client: Client, started: StartedProcess): Promise<void> {
  await client.close();
  started.child.kill("SIGTERM");
  await started.ended;
}

const needsGit: unknown = expect.objectContaining({
  code: "command.not-found",
  message: "This needs git, and there is no git on this machine",
  fix: [expect.stringContaining("install git"), expect.any(String)],
});

test("a daemon without git says so, keeps what is there, refuses what needs git, and has lost nothing when git is back", async () => {
  await using home = new TestHome();
  const callerEnvironment = { PATH: process.env["PATH"] ?? "" };
  const creating = { repository: home.repository, callerEnvironment };
  const first = home.start();
  const before = await connect(home);
  const session = await before.sessions.create({ ...creating, name: "one" });
  const { workspace, id } = await session.detail();
  writeFileSync(path.join(workspace, "work.txt"), "not committed\n");
  git(workspace, "commit", "--quiet", "--allow-empty", "-m", "Work");
  await stop(before, first);

  const second = home.start({ PATH: programsWithoutGit(path.join(home.root, "programs")) });
  const client = await connect(home);
  const { workspaces } = await client.backends();
  expect(workspaces).toEqual([
    {
      id: "git",
      status: "failed",
      message: expect.stringMatching(/isomorphic-git \d.*Worktrees need git/u),
      fix: expect.stringContaining("install git"),
    },
  ]);

  // What runs can be seen and used.
  expect((await client.sessions.list()).map(({ name, lifecycle }) => [name, lifecycle])).toEqual([["one", "running"]]);
  const one = await client.sessions.get("one");
  expect((await one.exec(["cat", "work.txt"])).stdout).toBe("not committed\n");
  let screen = "";
  const view = await client.attach(id, {
    onOutput: (bytes) => void (screen += Buffer.from(bytes).toString()),
    onSnapshot: (snapshot) => void (screen += JSON.stringify(snapshot)),
  });
  await until(() => screen !== "", "the session shows nothing");
  await view.close();

  // What needs git is refused, and changes nothing.
  const files = readdirSync(workspace).toSorted();
  await expect(client.sessions.create({ ...creating, name: "two" })).rejects.toEqual(needsGit);
  await expect(one.diff()).rejects.toEqual(needsGit);
  await expect(one.delete()).rejects.toEqual(needsGit);
  await expect(one.delete({ discard: true })).rejects.toEqual(needsGit);
  expect((await client.sessions.list()).map(({ name, lifecycle }) => [name, lifecycle])).toEqual([["one", "running"]]);
  expect(readdirSync(workspace).toSorted()).toEqual(files);
  expect(readFileSync(path.join(workspace, "work.txt"), "utf8")).toBe("not committed\n");
  expect(readdirSync(path.join(home.home, "worktrees"))).toEqual(["one"]);
  await one.stop();
  await one.start({ callerEnvironment });
  await stop(client, second);

  home.start();
  const after = await connect(home);
  const again = await after.sessions.get("one");
  expect(await again.diff()).toContain("not committed");
  await again.delete({ discard: true });
  expect(readdirSync(path.join(home.home, "worktrees"))).toEqual([]);
  await after.close();
}, 120_000);
