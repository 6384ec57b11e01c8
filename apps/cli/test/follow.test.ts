import { spawn } from "node:child_process";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { eventually } from "./eventually.ts";
import { Installation, mainProgram } from "./installation.ts";

const SLOW = 120_000;
let here: Installation;

beforeAll(async () => {
  here = await Installation.create();
  expect((await here.call(["create", "followed", "-p", "hello"])).code).toBe(0);
}, SLOW);

afterAll(async () => {
  await here[Symbol.asyncDispose]();
}, SLOW);

/** A command that goes on, until Ctrl-C. */
class Following implements Disposable {
  output = "";
  readonly #child;
  readonly ended: Promise<number | null>;

  constructor(args: readonly string[]) {
    const [program, ...first] = mainProgram;
    this.#child = spawn(program, [...first, ...args], {
      cwd: here.repository,
      env: here.environment,
      stdio: ["ignore", "pipe", "ignore"],
    });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => (this.output += text));
    this.ended = new Promise((resolve) => {
      this.#child.once("close", (code) => {
        resolve(code);
      });
    });
  }

  shows(text: string): Promise<true> {
    return eventually(() => (this.output.includes(text) ? true : undefined), `"${text}" in ${this.output}`);
  }

  interrupt(): void {
    this.#child.kill("SIGINT");
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}

describe("goes on with what happens, ends by Ctrl-C", { timeout: SLOW }, () => {
  test("logs -f: what the agent prints later; 130, and the session goes on", async () => {
    using logs = new Following(["logs", "-f", "followed"]);
    await logs.shows("task: hello");
    await here.call(["restart", "followed"]);
    expect(await logs.ended).toBe(0);

    using again = new Following(["logs", "-f", "followed"]);
    await again.shows("task: ");
    again.interrupt();
    expect(await again.ended).toBe(130);
    expect((await here.call(["status", "followed", "-q"])).stdout).toBe("running\n");
  });

  test("events -f --json: each as one line; 130", async () => {
    using events = new Following(["events", "-f", "--since", "0", "--json"]);
    await events.shows("session.created");
    expect((await here.call(["create", "seen"])).code).toBe(0);
    await events.shows('"sessionName":"seen"');
    events.interrupt();
    expect(await events.ended).toBe(130);
    for (const line of events.output.trimEnd().split("\n"))
      expect(JSON.parse(line)).toMatchObject({ schemaVersion: 1 });
    expect((await here.call(["delete", "seen", "--discard"])).code).toBe(0);
  });

  test("daemon logs -f: what it writes later; 130 or 0", async () => {
    using logs = new Following(["daemon", "logs", "-f"]);
    await logs.shows("the daemon answers");
    const before = logs.output.split("the daemon answers").length;
    expect((await here.call(["daemon", "restart"])).code).toBe(0);
    await eventually(
      () => (logs.output.split("the daemon answers").length > before ? true : undefined),
      "the line of the next daemon",
    );
    logs.interrupt();
    expect([0, 130]).toContain(await logs.ended);
  });
});
