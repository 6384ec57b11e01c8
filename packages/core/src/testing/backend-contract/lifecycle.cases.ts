import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import type { Sandbox } from "../../contract/index.ts";
import { isTokenAlive, peek, rejectsWith, run, script } from "../contract-commands.ts";
import type { ContractCases, ContractContext } from "../contract-context.ts";
import { findProcesses } from "../process-table.ts";
import { launch, scriptLaunch } from "./agent-helpers.ts";
import { loop, stubbornLoop } from "./scripts.ts";
import { untilWritten } from "./until-written.ts";

/** Runs until it is killed, and writes the file `born` when it begins. */
const child = '"printf x > born; while :; do sleep 0.2; done" "$1"';

/**
 * A grandchild that has left the agent's session and process group and whose parents are gone, still with the agent's environment. Needs the
 * token as `$1`; `setsid` is used where it is there, job control gives a group of its own elsewhere.
 */
const daemonise = [
  `if command -v setsid > /dev/null; then (setsid sh -c ${child} > /dev/null 2>&1 < /dev/null &)`,
  `else (set -m; (sh -c ${child} > /dev/null 2>&1 < /dev/null &) &); fi`,
  "while :; do sleep 0.2; done",
].join("\n");

/** Ends once its child has begun, which the hang-up of the terminal does not end. */
const orphan = [
  `(trap "" HUP; sh -c ${child} > /dev/null 2>&1 < /dev/null &)`,
  "until [ -s born ]; do sleep 0.05; done; exit 0",
].join("\n");

/** No process with the token is on this machine, nor in the sandbox once it is started again. */
async function hasEnded(context: ContractContext, sandbox: Sandbox, word: string): Promise<void> {
  assert.deepEqual(
    (await findProcesses(word)).map((row) => row.processId),
    [],
  );
  await sandbox.start();
  assert.equal(await isTokenAlive(sandbox, word), false);
  await context.backend.open(sandbox.sandboxId);
}

/** Every process with the token has ended on this machine. */
async function allEnded(word: string): Promise<void> {
  assert.deepEqual(
    (await findProcesses(word)).map((row) => row.processId),
    [],
  );
}

export const lifecycleCases: ContractCases = {
  "lifecycle:start:twice": async ({ sandbox }) => {
    const made = await sandbox();
    await made.start();
    await made.start();
    assert.equal((await made.inspect()).state, "running");
    assert.equal((await run(made, ["printf", "%s", "hello"])).stdout.toString(), "hello");
  },

  "lifecycle:start:keeps-running": async ({ sandbox, token, until }) => {
    const made = await sandbox();
    const word = token();
    await made.startAgent({ ...scriptLaunch(loop), argv: ["sh", "-c", loop, word] });
    await until("the agent", () => isTokenAlive(made, word));
    await made.start();
    assert.equal(await isTokenAlive(made, word), true, "starting what runs ends nothing");
    assert.equal((await made.inspect()).agent.state, "running");
  },

  "lifecycle:start:again": async ({ sandbox }) => {
    const made = await sandbox();
    await made.stop({ graceMs: 500 });
    await made.start();
    assert.equal((await made.inspect()).state, "running");
    assert.equal((await run(made, ["printf", "%s", "hello"])).stdout.toString(), "hello");
  },

  "lifecycle:start:launch": async ({ sandbox }) => {
    const made = await sandbox();
    await launch(made, loop);
    await made.stop({ graceMs: 500 });
    await made.start();
    await launch(made, "printf again > again; exit 2");
    assert.equal((await made.agentExit()).exit?.exitCode, 2);
    assert.equal(await peek(made, "again"), "again");
  },

  "lifecycle:start:environment": async ({ spec, track, backend }) => {
    const asked = await spec();
    track(asked);
    const made = await backend.create(asked);
    await made.stop({ graceMs: 500 });
    const { CONTRACT_SPEC: _replaced, ...rest } = asked.environment;
    await made.start({ environment: { ...rest, CONTRACT_START: "from the start" } });
    const text = 'printf "%s|%s" "${CONTRACT_SPEC-absent}" "${CONTRACT_START-absent}"';
    assert.equal(await script(made, text), "absent|from the start");
  },

  "lifecycle:start:gone": async ({ sandbox }) => {
    const made = await sandbox();
    await made.destroy({ graceMs: 500 });
    await rejectsWith(made.start(), "sandbox.not-found");
  },

  "lifecycle:stop:twice": async ({ sandbox }) => {
    const made = await sandbox();
    await made.stop({ graceMs: 500 });
    await made.stop({ graceMs: 500 });
    assert.equal((await made.inspect()).state, "stopped");
  },

  "lifecycle:stop:concurrent": async ({ sandbox, reopen }) => {
    const made = await sandbox();
    await launch(made, loop);
    const other = await reopen().open(made.sandboxId);
    await Promise.all([made.stop({ graceMs: 500 }), other?.stop({ graceMs: 500 }), made.stop({ graceMs: 500 })]);
    assert.equal((await made.inspect()).state, "stopped");
  },

  "lifecycle:stop:exec-refused": async ({ sandbox }) => {
    const made = await sandbox();
    await made.stop({ graceMs: 500 });
    await rejectsWith(made.exec(["true"]), "sandbox.not-running");
  },

  "lifecycle:stop:launch-refused": async ({ sandbox }) => {
    const made = await sandbox();
    await made.stop({ graceMs: 500 });
    await rejectsWith(launch(made, loop), "sandbox.not-running");
  },

  "lifecycle:stop:agent-ended": async ({ sandbox }) => {
    const made = await sandbox();
    await launch(made, loop);
    await made.stop({ graceMs: 500 });
    const { agent } = await made.inspect();
    assert.notEqual(agent.state, "running");
    await made.agentExit();
  },

  "lifecycle:stop:tree": async (context) => {
    const made = await context.sandbox();
    const word = context.token();
    await launch(made, `sh -c ${child} & wait`, word);
    await untilWritten(context, made, { path: "born" });
    await made.stop({ graceMs: 500 });
    await hasEnded(context, made, word);
  },

  "lifecycle:stop:daemonised": async (context) => {
    const made = await context.sandbox();
    const word = context.token();
    await launch(made, daemonise, word);
    await untilWritten(context, made, { path: "born" });
    await made.stop({ graceMs: 500 });
    await hasEnded(context, made, word);
  },

  "lifecycle:stop:orphan": async (context) => {
    const made = await context.sandbox();
    const word = context.token();
    await launch(made, orphan, word);
    await made.agentExit();
    assert.equal(await isTokenAlive(made, word), true, "the child outlived the agent");
    await made.stop({ graceMs: 500 });
    await hasEnded(context, made, word);
  },

  "lifecycle:stop:exec": async (context) => {
    const made = await context.sandbox();
    const word = context.token();
    const handle = await made.exec(["sh", "-c", loop, word]);
    const drained = Promise.allSettled([handle.stdout.cancel(), handle.stderr.cancel(), handle.exit]);
    await context.until("the process", () => isTokenAlive(made, word));
    await made.stop({ graceMs: 500 });
    await drained;
    await hasEnded(context, made, word);
  },

  "lifecycle:stop:grace": async (context) => {
    const made = await context.sandbox();
    const word = context.token();
    await made.startAgent({ ...scriptLaunch(stubbornLoop), argv: ["sh", "-c", stubbornLoop, word] });
    await untilWritten(context, made, { path: "ready" });
    const begin = performance.now();
    await made.stop({ graceMs: 1200 });
    const tookMs = performance.now() - begin;
    assert.ok(tookMs >= 1100, `SIGKILL came after ${String(Math.round(tookMs))} ms`);
    assert.ok(tookMs < context.milliseconds(20_000), `it took ${String(Math.round(tookMs))} ms`);
    await hasEnded(context, made, word);
  },

  "lifecycle:stop:term-first": async (context) => {
    const made = await context.sandbox();
    await launch(made, 'trap "printf bye > goodbye; exit 0" TERM; printf x > ready; while :; do sleep 0.05; done');
    await untilWritten(context, made, { path: "ready" });
    const graceMs = context.milliseconds(30_000);
    const begin = performance.now();
    await made.stop({ graceMs });
    assert.ok(performance.now() - begin < graceMs - 1000, "it does not wait for the whole grace");
    await made.start();
    assert.equal(await peek(made, "goodbye"), "bye");
  },

  "lifecycle:stop:files-stay": async ({ sandbox }) => {
    const made = await sandbox();
    await script(made, "mkdir -p kept && printf content > kept/file");
    await made.stop({ graceMs: 500 });
    await made.start();
    assert.equal(await peek(made, "kept/file"), "content");
  },

  "lifecycle:destroy:twice": async ({ sandbox }) => {
    const made = await sandbox();
    await made.destroy({ graceMs: 500 });
    await made.destroy({ graceMs: 500 });
    assert.equal((await made.inspect()).state, "missing");
  },

  "lifecycle:destroy:other-handle": async ({ sandbox, reopen, backend }) => {
    const made = await sandbox();
    const other = await reopen().open(made.sandboxId);
    await made.destroy({ graceMs: 500 });
    await other?.destroy({ graceMs: 500 });
    assert.equal(await backend.open(made.sandboxId), undefined);
  },

  "lifecycle:destroy:running": async (context) => {
    const made = await context.sandbox();
    const word = context.token();
    await launch(made, daemonise, word);
    await untilWritten(context, made, { path: "born" });
    await made.destroy({ graceMs: 500 });
    await allEnded(word);
  },

  "lifecycle:destroy:stopped": async ({ sandbox, backend }) => {
    const made = await sandbox();
    await made.stop({ graceMs: 500 });
    await made.destroy({ graceMs: 500 });
    assert.equal(await backend.open(made.sandboxId), undefined);
  },

  "lifecycle:destroy:workspace-stays": async ({ spec, track, backend }) => {
    const asked = await spec();
    track(asked);
    const made = await backend.create(asked);
    await script(made, "printf content > written");
    await made.destroy({ graceMs: 500 });
    const { hostPath } = asked.workspace;
    if (hostPath !== undefined) assert.equal(await readFile(join(hostPath, "written"), "utf8"), "content");
  },

  "lifecycle:dispose": async ({ sandbox, backend, token, until }) => {
    const made = await sandbox();
    const word = token();
    await made.startAgent({ ...scriptLaunch(loop), argv: ["sh", "-c", loop, word] });
    await until("the agent", () => isTokenAlive(made, word));
    await made[Symbol.asyncDispose]();
    const again = await backend.open(made.sandboxId);
    assert.ok(again, "disposing a handle leaves the sandbox");
    assert.equal((await again.inspect()).state, "running");
    assert.equal(await isTokenAlive(again, word), true);
  },

  "lifecycle:close": async ({ spec, track, reopen, token, until }) => {
    const asked = await spec();
    track(asked);
    const before = reopen();
    const made = await before.create(asked);
    const word = token();
    await made.startAgent({ ...scriptLaunch(loop), argv: ["sh", "-c", loop, word] });
    await until("the agent", () => isTokenAlive(made, word));
    await before.close();
    await before.close();
    const again = await reopen().open(asked.sandboxId);
    assert.ok(again, "closing a backend leaves its sandboxes");
    assert.equal(await isTokenAlive(again, word), true);
  },
};
