import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterEach, beforeEach, expect, test } from "vitest";

import type { Backend } from "../../contract/backend.ts";
import type { Sandbox } from "../../contract/sandbox.ts";
import { markedProcesses } from "../../host/index.ts";
import { createFakeBackend } from "./create-fake-backend.ts";
import { fakeAgentPath } from "./fake-agent-path.ts";
import type { FakeShape } from "./fake-shape.ts";
import { FakeState, readKeeper } from "./fake-state.ts";

/** Many processes are started one after the other. */
const TIMEOUT_MS = 120_000;

let home: string;
let backend: Backend;
let sandboxId: string;

const use = (shape: FakeShape): void => {
  backend = createFakeBackend({ context: { homeDirectory: home }, shape });
};

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "fake-backend-"));
  sandboxId = randomUUID();
});

afterEach(async () => {
  for await (const found of backend.list()) await (await backend.open(found.sandboxId))?.destroy({ graceMs: 100 });
  await rm(home, { recursive: true, force: true, maxRetries: 5 });
});

function startMaker(shape: FakeShape): ChildProcess {
  const fixture = fileURLToPath(new URL("fake-maker.fixture.ts", import.meta.url));
  const args = ["--conditions", "@clauderon/source", fixture, home, shape, sandboxId];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
}

async function mustOpen(): Promise<Sandbox> {
  const sandbox = await backend.open(sandboxId);
  if (sandbox === undefined) throw new Error("the sandbox is gone");
  return sandbox;
}

/** Reads until the text is there and gives all that came. */
async function readUntil(sandbox: Sandbox, text: string): Promise<string> {
  await using terminal = await sandbox.agentTerminal({ since: 0 });
  let all = "";
  for await (const chunk of terminal.output) {
    all += Buffer.from(chunk.bytes).toString();
    if (all.includes(text)) break;
  }
  return all;
}

test.each(["host", "container", "remote"] as const)(
  "%s: sandbox, agent and its output survive kill -9 of the process that made them",
  { timeout: TIMEOUT_MS },
  async (shape) => {
    use(shape);
    const maker = startMaker(shape);
    await once(maker.stdout ?? maker, "data");
    maker.kill("SIGKILL");
    await once(maker, "exit");

    const sandbox = await mustOpen();
    expect(await sandbox.inspect()).toMatchObject({ state: "running", agent: { state: "running", launchId: "first" } });
    expect(await readUntil(sandbox, "ready")).toContain("hello");
    await using terminal = await sandbox.agentTerminal();
    await terminal.input(Buffer.from("exit 7\r"));
    expect((await sandbox.agentExit()).exit).toEqual({ exitCode: 7, isTimedOut: false });
    const again = await sandbox.startAgent({ launchId: "first", argv: ["false"], mode: "terminal" });
    expect(again.state).toBe("exited");
    const prompts = (await readFile(join(home, "agent.log"), "utf8"))
      .split("\n")
      .filter((line) => line.includes('"prompt":"say hello"'));
    expect(prompts).toHaveLength(1);
  },
);

test(
  "a maker killed at any moment leaves what can be listed and destroyed, or nothing",
  { timeout: TIMEOUT_MS },
  async () => {
    use("container");
    for (const afterMs of [0, 5, 30, 60, 100, 160]) {
      sandboxId = randomUUID();
      const maker = startMaker("container");
      const made = (): Promise<string[]> => readdir(join(home, "state/fake-container")).catch(() => []);
      await expect.poll(async () => (await made()).length, { interval: 2, timeout: 30_000 }).toBeGreaterThan(0);
      // The moment is the point here: what is looked at afterwards does not depend on which one it was.
      const timer = setTimeout(() => maker.kill("SIGKILL"), afterMs);
      await once(maker, "exit");
      clearTimeout(timer);
      for await (const found of backend.list()) await (await backend.open(found.sandboxId))?.destroy({ graceMs: 100 });
      await expect
        .poll(
          async () =>
            (await readdir(join(home, "state/fake-container")).catch(() => [])).filter((name) =>
              name.includes(sandboxId),
            ),
          { timeout: 30_000 },
        )
        .toEqual([]);
      expect(await markedProcesses(`00000000-0000-4000-8000-00000000fa4e/${sandboxId}`)).toEqual([]);
    }
  },
);

test(
  "a keeper that died is told as failed and lost, and start brings the sandbox back without the launch",
  { timeout: TIMEOUT_MS },
  async () => {
    use("remote");
    const sandbox = await backend.create({ sandboxId, name: "one", workspace: {}, environment: {} });
    const launch = { launchId: "first", argv: [process.execPath, fakeAgentPath()], mode: "terminal" } as const;
    await sandbox.startAgent(launch);
    await readUntil(sandbox, "ready");
    const keeper = await readKeeper(new FakeState(home, "fake-remote").sandboxDirectory(sandboxId));
    process.kill(keeper?.address.processId ?? 0, "SIGKILL");
    await expect.poll(async () => (await sandbox.inspect()).state, { timeout: 30_000 }).toBe("failed");
    expect((await sandbox.inspect()).agent).toMatchObject({ state: "lost", launchId: "first" });
    await Promise.all([sandbox.start(), (await mustOpen()).start()]);
    expect((await sandbox.inspect()).state).toBe("running");
    expect((await sandbox.startAgent(launch)).state).toBe("lost");
    expect((await sandbox.startAgent({ ...launch, launchId: "second" })).state).toBe("running");
  },
);
