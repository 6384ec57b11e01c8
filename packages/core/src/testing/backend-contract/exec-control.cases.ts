import assert from "node:assert/strict";

import { isTokenAlive, readAll, rejectsWith, run, script } from "../contract-commands.ts";
import type { ContractCases } from "../contract-context.ts";
import { GIVE_UP_MS, readUntil, typeInto } from "./exec-helpers.ts";
import { loop } from "./scripts.ts";

const SIZE = { columns: 111, rows: 33 };

export const execControlCases: ContractCases = {
  "exec:terminal:is-one": async ({ shared }) => {
    const text = "if [ -t 0 ] && [ -t 1 ] && [ -t 2 ]; then printf yes; else printf no; fi";
    const { stdout } = await run(await shared(), ["sh", "-c", text], { terminal: SIZE });
    assert.equal(stdout.toString().trim(), "yes");
  },

  "exec:terminal:none": async ({ shared }) => {
    const text = "if [ -t 0 ] || [ -t 1 ] || [ -t 2 ]; then printf yes; else printf no; fi";
    assert.equal(await script(await shared(), text), "no");
  },

  "exec:terminal:size": async ({ shared }) => {
    const { stdout } = await run(await shared(), ["stty", "size"], { terminal: SIZE });
    assert.equal(stdout.toString().trim(), "33 111");
  },

  "exec:terminal:resize": async ({ shared, milliseconds }) => {
    const text = 'trap "stty size; exit 0" WINCH; printf ready; while :; do sleep 0.05; done';
    const handle = await (
      await shared()
    ).exec(["sh", "-c", text], { terminal: SIZE, timeoutMs: milliseconds(GIVE_UP_MS) });
    const reader = handle.stdout.getReader();
    await readUntil(reader, "ready");
    await handle.resize({ columns: 77, rows: 22 });
    await readUntil(reader, "22 77");
    reader.releaseLock();
    await Promise.all([readAll(handle.stdout), readAll(handle.stderr), handle.exit]);
  },

  "exec:terminal:keyboard": async ({ shared, milliseconds }) => {
    const text = 'printf "name? "; IFS= read -r line; printf "<%s>" "$line"; exit 3';
    const handle = await (
      await shared()
    ).exec(["sh", "-c", text], { terminal: SIZE, timeoutMs: milliseconds(GIVE_UP_MS) });
    const reader = handle.stdout.getReader();
    await readUntil(reader, "name? ");
    await typeInto(handle, "ada\n");
    await readUntil(reader, "<ada>");
    reader.releaseLock();
    const [, , exit] = await Promise.all([readAll(handle.stdout), readAll(handle.stderr), handle.exit]);
    assert.equal(exit.exitCode, 3);
  },

  "exec:terminal:interrupt": async ({ shared, milliseconds }) => {
    const text = 'trap "printf stopped; exit 4" INT; printf ready; while :; do sleep 0.05; done';
    const handle = await (
      await shared()
    ).exec(["sh", "-c", text], { terminal: SIZE, timeoutMs: milliseconds(GIVE_UP_MS) });
    const reader = handle.stdout.getReader();
    await readUntil(reader, "ready");
    await typeInto(handle, "\u0003");
    await readUntil(reader, "stopped");
    reader.releaseLock();
    const [, , exit] = await Promise.all([readAll(handle.stdout), readAll(handle.stderr), handle.exit]);
    assert.equal(exit.exitCode, 4);
  },

  "exec:terminal:one-stream": async ({ shared }) => {
    const outcome = await run(await shared(), ["sh", "-c", "printf out; printf err >&2"], { terminal: SIZE });
    assert.equal(outcome.stdout.toString().trim(), "outerr");
    assert.equal(outcome.stderr.length, 0);
  },

  "exec:timeout:told": async ({ shared, milliseconds }) => {
    const outcome = await run(await shared(), ["sleep", "15"], { timeoutMs: milliseconds(300) });
    assert.equal(outcome.isTimedOut, true);
    assert.equal(outcome.exitCode, 137);
  },

  "exec:timeout:ends-group": async ({ shared, token, until, milliseconds }) => {
    const sandbox = await shared();
    const word = token();
    const text = 'sh -c "trap \\"\\" TERM; for part in 1 2 3 4 5; do sleep 5; done" "$0" & wait';
    const outcome = await run(sandbox, ["sh", "-c", text, word], { timeoutMs: milliseconds(400) });
    assert.equal(outcome.isTimedOut, true);
    await until("the end of its child", async () => !(await isTokenAlive(sandbox, word)));
  },

  "exec:timeout:not-reached": async ({ shared, milliseconds }) => {
    const outcome = await run(await shared(), ["sh", "-c", "exit 5"], { timeoutMs: milliseconds(60_000) });
    assert.equal(outcome.isTimedOut, false);
    assert.equal(outcome.exitCode, 5);
  },

  "exec:parallel:20": async ({ shared }) => {
    const sandbox = await shared();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        run(sandbox, ["sh", "-c", 'cat; printf %s "$1" >&2; exit "$1"', "sh", String(index)], {
          input: Buffer.from(`input ${String(index)}`),
        }),
      ),
    );
    assert.deepEqual(
      outcomes.map(({ stdout, stderr, exitCode }) => [stdout.toString(), stderr.toString(), exitCode]),
      Array.from({ length: 20 }, (_, index) => [`input ${String(index)}`, String(index), index]),
    );
  },

  "exec:kill:default": async ({ shared, milliseconds }) => {
    const handle = await (
      await shared()
    ).exec(["sh", "-c", 'trap "printf bye; exit 6" TERM; printf ready; while :; do sleep 0.05; done'], {
      timeoutMs: milliseconds(GIVE_UP_MS),
    });
    const reader = handle.stdout.getReader();
    await readUntil(reader, "ready");
    await handle.kill();
    await readUntil(reader, "bye");
    reader.releaseLock();
    const [, , exit] = await Promise.all([readAll(handle.stdout), readAll(handle.stderr), handle.exit]);
    assert.equal(exit.exitCode, 6);
  },

  "exec:kill:signal": async ({ shared, milliseconds }) => {
    const handle = await (
      await shared()
    ).exec(["sh", "-c", 'trap "printf usr; exit 7" USR1; printf ready; while :; do sleep 0.05; done'], {
      timeoutMs: milliseconds(GIVE_UP_MS),
    });
    const reader = handle.stdout.getReader();
    await readUntil(reader, "ready");
    await handle.kill("SIGUSR1");
    await readUntil(reader, "usr");
    reader.releaseLock();
    const [, , exit] = await Promise.all([readAll(handle.stdout), readAll(handle.stderr), handle.exit]);
    assert.equal(exit.exitCode, 7);
  },

  "exec:kill:group": async ({ shared, token, until, milliseconds }) => {
    const sandbox = await shared();
    const word = token();
    const text = 'sh -c "printf ready; while :; do sleep 0.2; done" "$0" & wait';
    const handle = await sandbox.exec(["sh", "-c", text, word], { timeoutMs: milliseconds(GIVE_UP_MS) });
    const reader = handle.stdout.getReader();
    await readUntil(reader, "ready");
    reader.releaseLock();
    await handle.kill("SIGKILL");
    const [, , exit] = await Promise.all([readAll(handle.stdout), readAll(handle.stderr), handle.exit]);
    assert.equal(exit.exitCode, 137);
    await until("the end of its child", async () => !(await isTokenAlive(sandbox, word)));
  },

  "exec:kill:after-end": async ({ shared }) => {
    const handle = await (await shared()).exec(["true"]);
    await Promise.all([readAll(handle.stdout), readAll(handle.stderr), handle.exit]);
    await handle.kill();
    await handle.kill("SIGKILL");
  },

  "exec:handle:dropped": async ({ shared, token, until }) => {
    const sandbox = await shared();
    const word = token();
    const handle = await sandbox.exec(["sh", "-c", loop, word]);
    await Promise.all([handle.stdout.cancel(), handle.stderr.cancel()]);
    await until("the process", () => isTokenAlive(sandbox, word));
    await run(sandbox, ["true"]);
    assert.equal(await isTokenAlive(sandbox, word), true);
    await handle.kill("SIGKILL");
    await handle.exit;
  },

  "exec:gone": async ({ sandbox }) => {
    const made = await sandbox();
    await made.destroy({ graceMs: 500 });
    await rejectsWith(made.exec(["true"]), "sandbox.not-running", "sandbox.not-found");
  },
};
