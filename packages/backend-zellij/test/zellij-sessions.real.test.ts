import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { Backend, Sandbox } from "@clauderon/core/contract";
import { spawnProcess, type SpawnedProcess } from "@clauderon/core/host";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createZellijBackend } from "../src/index.ts";
import { createZellijWorld, zellijMissing, type ZellijWorld } from "./real-zellij.ts";

const isRequired = (process.env["CLAUDERON_REQUIRE"] ?? "").split(/[\s,]+/u).includes("zellij");
if (zellijMissing !== undefined) {
  process.stderr.write(`the tests with the real zellij did not run: ${zellijMissing}\n`);
  if (isRequired) throw new Error(`${zellijMissing}, but CLAUDERON_REQUIRE contains zellij`);
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const waiting = ["sh", "-c", 'printf "ready\\n"; while :; do sleep 0.1; done'] as const;

// oxlint-disable-next-line no-control-regex -- what a terminal draws with
const escapes = /\u001b\[[0-9;?<>=]*[A-Za-z ]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)/gu;

/** The words that were drawn: other clients' cursors are drawn between letters. */
const words = (drawn: string): string => drawn.replace(escapes, "");

async function until<Value>(what: string, probe: () => Promise<Value | undefined | false>): Promise<Value> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`not seen: ${what}`);
    await delay(50);
  }
}

describe.skipIf(zellijMissing !== undefined)("sessions in the real zellij", () => {
  let world: ZellijWorld;
  let backend: Backend;
  const made: Sandbox[] = [];

  beforeAll(async () => {
    world = await createZellijWorld();
    backend = createZellijBackend(await world.newContext(), { program: world.program });
  });

  afterAll(async () => {
    try {
      await Promise.all(made.map((sandbox) => sandbox.destroy({ graceMs: 500 })));
      await backend.close();
    } finally {
      await world[Symbol.asyncDispose]();
    }
  });

  const create = async (name?: string): Promise<Sandbox> => {
    const sandbox = await backend.create(await world.newSpec(name));
    made.push(sandbox);
    return sandbox;
  };
  const launch = (sandbox: Sandbox, argv: readonly [string, ...string[]] = waiting) =>
    sandbox.startAgent({ launchId: randomUUID(), argv, mode: "terminal", size: { columns: 100, rows: 30 } });

  /** The user types `zellij attach clauderon-<name>`. */
  const attachByHand = async (sandbox: Sandbox): Promise<{ readonly client: SpawnedProcess; text(): string }> => {
    for (let attempt = 1; ; attempt += 1) {
      const client = await spawnProcess([world.program, "attach", `clauderon-${sandbox.name}`], {
        cwd: world.home,
        environment: world.environment,
        terminal: { columns: 90, rows: 28 },
      });
      let text = "";
      let hasEnded = false;
      void client.exit.then(() => (hasEnded = true));
      void client.stdout.pipeTo(
        new WritableStream({
          write: (chunk) => {
            text += Buffer.from(chunk).toString();
          },
        }),
      );
      const isDrawn = (): boolean => text.includes("\u001b[?25l");
      await until("the client", async () => hasEnded || isDrawn());
      // zellij turns a client away now and then; a user types the same again.
      if (isDrawn() || attempt === 5) return { client, text: () => text };
    }
  };

  const press = async (client: SpawnedProcess, key: string): Promise<void> => {
    const keyboard = client.stdin.getWriter();
    await keyboard.write(bytes(key));
    keyboard.releaseLock();
  };

  /** Ctrl+p, then the key, until the client has ended: zellij takes a key that comes before the other mode is there for the agent's. */
  const pressInPaneMode = async (client: SpawnedProcess, key: string): Promise<void> => {
    let hasEnded = false;
    void client.exit.then(() => (hasEnded = true));
    await press(client, "\u0010");
    await until("the client's end", async () => {
      await delay(300);
      if (!hasEnded) await press(client, key).catch(() => undefined);
      return hasEnded;
    });
  };

  it("is listed by the user's own zellij and shows the same to a viewer and to an attach by hand", async () => {
    const sandbox = await create();
    await launch(sandbox, [
      "sh",
      "-c",
      'stty -echo; printf "ready\\n"; while read -r line; do printf "<%s>\\n" "$line"; done',
    ]);
    expect(await world.lists(`clauderon-${sandbox.name}`)).toBe(true);
    const byHand = await attachByHand(sandbox);
    const view = await sandbox.agentTerminal({ size: { columns: 90, rows: 28 } });
    let seen = "";
    const reading = (async () => {
      for await (const chunk of view.output) seen += Buffer.from(chunk.bytes).toString();
    })();
    await until("both", async () => seen.includes("ready") && byHand.text().includes("ready"));
    await view.input(bytes("typed-here\r"));
    await until("the answer", async () => (await sandbox.agentText()).includes("<typed-here>"));
    await until(
      "the answer",
      async () => words(seen).includes("typed-here") && words(byHand.text()).includes("typed-here"),
    );
    await view.close();
    await reading;
    expect((await sandbox.inspect()).agent.state).toBe("running");
    await byHand.client.kill("SIGKILL");
    await byHand.client.exit;
    expect((await sandbox.inspect()).agent.state).toBe("running");
  });

  it("hands over long text as it is, between keys", async () => {
    const sandbox = await create();
    const text = `--${"line é ✓ 🎉\t'\"$\\\n".repeat(4000)}`;
    const size = bytes(text).length;
    const script = 'stty raw -echo; printf ready; head -c "$1" > got; mv got all';
    await launch(sandbox, ["sh", "-c", script, "sh", String(size + 2)]);
    const view = await sandbox.agentTerminal({ size: { columns: 90, rows: 28 } });
    await until("the screen", async () => (await sandbox.agentText()).includes("ready"));
    await view.input(bytes(text));
    await view.input(bytes("ab"));
    const all = await until("all of it", () =>
      readFile(join(sandbox.workspacePath, "all"), "utf8").catch(() => undefined),
    );
    expect(all === `${text}ab`).toBe(true);
    await view.close();
  });

  it.each([
    ["the user's defaults", 'theme "nord"\n'],
    [
      "the user's own key bindings",
      'keybinds clear-defaults=true {\n    normal {\n        bind "Ctrl b" { SwitchToMode "pane"; }\n        bind "Ctrl p" { Quit; }\n    }\n    pane {\n        bind "d" { NewPane "down"; }\n        bind "x" { Detach; }\n    }\n}\n',
    ],
    ["an empty configuration", ""],
  ])(
    "detaches by Ctrl+p d and quits by Ctrl+p q, with %s, also after they were changed",
    async (_title, configuration) => {
      await world.configure(configuration);
      const sandbox = await create();
      await launch(sandbox);
      const first = await attachByHand(sandbox);
      await until("the screen", async () => first.text().includes("ready"));
      await pressInPaneMode(first.client, "d");
      expect((await sandbox.inspect()).agent.state).toBe("running");
      await world.configure('theme "dracula"\n');
      const second = await attachByHand(sandbox);
      await until("the screen", async () => second.text().includes("ready"));
      await pressInPaneMode(second.client, "q");
      expect((await sandbox.agentExit()).state).not.toBe("running");
      expect((await world.zellij("list-sessions", "-n")).text).not.toContain(`clauderon-${sandbox.name} `);
    },
  );

  // A machine that is busy with other things may take longer once, not again and again.
  it("sees within 2 s that the session was killed by hand, and brings it back", { retry: 2 }, async () => {
    const sandbox = await create();
    await launch(sandbox);
    const end = sandbox.agentExit();
    await until("the kill", async () => {
      const { exitCode } = await world.zellij("kill-session", `clauderon-${sandbox.name}`);
      return exitCode === 0;
    });
    const begin = performance.now();
    expect(["lost", "exited"]).toContain((await end).state);
    expect(performance.now() - begin).toBeLessThan(2000);
    const status = await sandbox.inspect();
    expect(status.agent.state === "lost" ? status.reason : "clauderon start").toContain("clauderon start");
    await launch(sandbox);
    expect((await sandbox.inspect()).agent.state).toBe("running");
  });

  it("refuses the name of somebody's session and leaves that alone, also when it took the place of ours", async () => {
    await world.bringUp("clauderon-theirs");
    await expect(create("theirs")).rejects.toMatchObject({ code: "sandbox.name-taken" });
    const sandbox = await create();
    const session = `clauderon-${sandbox.name}`;
    await launch(sandbox);
    await world.end(session);
    await sandbox.agentExit();
    await world.bringUp(session);
    expect((await sandbox.inspect()).agent.state).not.toBe("running");
    await expect(launch(sandbox)).rejects.toMatchObject({ code: "sandbox.name-taken" });
    await sandbox.destroy({ graceMs: 500 });
    expect(await world.lists(session)).toBe(true);
    expect(await world.lists("clauderon-theirs")).toBe(true);
  });

  it("does not see another home's sessions", async () => {
    const sandbox = await create();
    await using other = createZellijBackend(await world.newContext(), { program: world.program });
    const ids: string[] = [];
    for await (const summary of other.list()) ids.push(summary.sandboxId);
    expect(ids).toEqual([]);
    expect(await other.open(sandbox.sandboxId)).toBeUndefined();
    await launch(sandbox);
    await expect(other.create(await world.newSpec(sandbox.name))).rejects.toMatchObject({ code: "sandbox.name-taken" });
  });

  it("runs ten at once", async () => {
    const sandboxes = await Promise.all(Array.from({ length: 10 }, () => create()));
    const started = await Promise.all(sandboxes.map((sandbox) => launch(sandbox)));
    expect(started.map(({ state }) => state)).toEqual(sandboxes.map(() => "running"));
    const texts = await Promise.all(
      sandboxes.map((sandbox) => until("its text", async () => (await sandbox.agentText()).includes("ready"))),
    );
    expect(texts).toHaveLength(10);
  });

  it("does not run the agent again when Enter is pressed after its end", async () => {
    const sandbox = await create();
    await launch(sandbox, ["sh", "-c", "printf x >> starts; exit 5"]);
    expect((await sandbox.agentExit()).exit?.exitCode).toBe(5);
    const byHand = await attachByHand(sandbox);
    await until("the screen", async () => byHand.text().length > 500);
    await press(byHand.client, "\r");
    await until("the note", async () => (await sandbox.agentText()).includes("the agent has ended"));
    await byHand.client.kill("SIGKILL");
    expect(await readFile(join(sandbox.workspacePath, "starts"), "utf8")).toBe("x");
    expect((await sandbox.inspect()).agent.exit?.exitCode).toBe(5);
  });

  it("hands over any arguments as they are", async () => {
    const sandbox = await create();
    const program = join(world.directory, "write-arguments.mjs");
    await writeFile(
      program,
      'import { writeFileSync } from "node:fs"; writeFileSync("arguments", JSON.stringify(process.argv.slice(2)));',
    );
    const text = fc.string({
      unit: fc.constantFrom(...Array.from("ab\"'\\\n\r\t $`(){};&|<>*?~#!-=/é🎉\u0001\u001b\u007f\u0085\u2028")),
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 6, maxLength: 18 }), async (values) => {
        const given = [...values, "--", "", "x".repeat(100_000)];
        await launch(sandbox, [process.execPath, program, ...given]);
        expect((await sandbox.agentExit()).exit?.exitCode).toBe(0);
        expect(JSON.parse(await readFile(join(sandbox.workspacePath, "arguments"), "utf8"))).toEqual(given);
      }),
      // Each run is a launch: many values in few. The example: `--` comes first.
      { numRuns: 5, examples: [[[]]] },
    );
  });
});
