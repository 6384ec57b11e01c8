import { setTimeout as delay } from "node:timers/promises";

import { afterEach, beforeEach, expect, test } from "vitest";

import { processTable } from "../processes/process-table.ts";
import { createHelpedRunner, type HelpedRunner } from "./create-helped-runner.ts";

let runner: HelpedRunner;
beforeEach(() => {
  runner = createHelpedRunner();
});
afterEach(() => runner[Symbol.asyncDispose]());

/** The process that starts a program for the runner. */
async function parentOf(): Promise<number> {
  return Number((await runner.run("sh", ["-c", "echo $PPID"])).stdout);
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await delay(20);
}

// A second after its loss there is a new one: on a machine that is busy with other things that may be before it is looked.
test("a helper that is lost is told to who waits, done without, and had again", { retry: 3 }, async () => {
  expect(await parentOf()).toBe(process.pid);
  await runner.start();
  const helper = await parentOf();
  expect(helper).not.toBe(process.pid);

  let orphan = 0;
  const running = runner.run("sh", ["-c", "exec sleep 30"]);
  const streaming = (async () => {
    for await (const chunk of runner.stream("sh", ["-c", "echo $$; exec sleep 60"])) {
      process.kill(helper, "SIGKILL");
      orphan = Number(Buffer.from(chunk).toString());
    }
  })();
  const fates = await Promise.allSettled([running, streaming]);
  process.kill(orphan, "SIGKILL");
  for (const fate of fates) expect(fate).toMatchObject({ status: "rejected", reason: { code: "command.failed" } });

  expect(await parentOf()).toBe(process.pid);
  await until(async () => (await parentOf()) !== process.pid);
});

/** Helpers lead a group of their own. */
async function helpers(): Promise<readonly number[]> {
  const { entries } = await processTable();
  return entries.flatMap(({ processId, parentId, groupId }) =>
    parentId === process.pid && groupId === processId ? [processId] : [],
  );
}

test.each([
  ["while it starts programs", true],
  ["while it comes up", false],
])("when a runner is disposed %s, its helper is gone", async (_when, isReady) => {
  const others = await helpers();
  const own = createHelpedRunner();
  const starting = own.start();
  if (isReady) await starting;
  expect(await helpers()).toHaveLength(others.length + 1);
  await own[Symbol.asyncDispose]();
  expect(await helpers()).toEqual(others);
  await starting;
});
