import { createClient, ensureDaemon, stopDaemon } from "@clauderon/core";
import { expect, test } from "vitest";

import { TestHome } from "./daemon-process.ts";
import { daemonProgram } from "./daemon-program.ts";
import { until } from "./until.ts";

const LONG_MS = 180_000;

test(
  "the client starts the daemon, which outlives it, and stops it; the port stays",
  async () => {
    await using home = new TestHome();
    const options = { homeDirectory: home.home, environment: home.environment, program: daemonProgram };
    let starts = 0;
    await using client = createClient({ ...options, onStart: () => (starts += 1) });
    await using second = createClient({ ...options, onStart: () => (starts += 1) });
    const [status] = await Promise.all([client.daemon(), second.daemon()]);
    expect(status).toMatchObject({ home: home.home, sessions: 0 });
    expect(starts).toBeGreaterThanOrEqual(1);
    expect((await ensureDaemon(options)).isNew).toBe(false);
    expect(await stopDaemon(home.home)).toBe(true);
    expect(await stopDaemon(home.home)).toBe(false);
    const again = await client.daemon();
    expect([again.url, again.pid === status.pid]).toEqual([status.url, false]);
    await stopDaemon(home.home);
  },
  LONG_MS,
);

test(
  "a session lives on through kill -9 of the daemon, and the client comes back to it",
  async () => {
    await using home = new TestHome();
    const options = { homeDirectory: home.home, environment: home.environment, program: daemonProgram };
    await using client = createClient(options);
    const session = await client.sessions.create({
      repository: home.repository,
      name: "survivor",
      prompt: "say hello",
    });
    let text = "";
    let reconnects = 0;
    const view = await client.attach(session.id, {
      onOutput: (bytes) => void (text += Buffer.from(bytes).toString()),
      onSnapshot: (snapshot) => void (text += snapshot.data),
      onReconnect: () => void (reconnects += 1),
    });
    await view.input(Buffer.from("one\r"));
    await until(() => text.includes("heard: one"), "the agent did not hear");
    process.kill((await client.daemon()).pid, "SIGKILL");
    const [listed] = await client.sessions.list();
    expect(listed).toMatchObject({ name: "survivor", lifecycle: "running" });
    await view.input(Buffer.from("two\r"));
    await until(() => text.includes("heard: two"), "the agent did not hear after the restart");
    expect(reconnects).toBeGreaterThan(0);
    expect(text.split("heard: two").length).toBe(2);
    await view.close();
    await session.delete({ discard: true });
    await stopDaemon(home.home);
  },
  LONG_MS,
);
