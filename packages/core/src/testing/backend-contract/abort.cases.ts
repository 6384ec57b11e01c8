import assert from "node:assert/strict";

import { collect, isTokenAlive, rejection, run, script } from "../contract-commands.ts";
import type { ContractCases } from "../contract-context.ts";
import { launch, scriptLaunch } from "./agent-helpers.ts";
import { loop } from "./scripts.ts";
import { untilWritten } from "./until-written.ts";

const reason = new Error("the caller has gone");

function aborted(): AbortSignal {
  return AbortSignal.abort(reason);
}

export const abortCases: ContractCases = {
  "abort:create:before": async ({ backend, spec, track }) => {
    const asked = await spec();
    track(asked);
    assert.equal(await rejection(backend.create(asked, { signal: aborted() })), reason);
    assert.equal(await backend.open(asked.sandboxId), undefined);
  },

  "abort:create:during": async ({ backend, spec, track }) => {
    const asked = await spec();
    track(asked);
    const controller = new AbortController();
    const creating = backend.create(asked, { signal: controller.signal });
    setImmediate(() => controller.abort(reason));
    const [outcome] = await Promise.allSettled([creating]);
    if (outcome?.status === "fulfilled") {
      assert.ok(await backend.open(asked.sandboxId));
      return;
    }
    assert.equal(outcome?.reason, reason);
    assert.equal(await backend.open(asked.sandboxId), undefined);
    const ids = (await collect(backend.list())).map((summary) => summary.sandboxId);
    assert.equal(ids.includes(asked.sandboxId), false);
  },

  "abort:create:again": async ({ backend, spec, track }) => {
    const asked = await spec();
    track(asked);
    await rejection(backend.create(asked, { signal: aborted() }));
    const made = await backend.create(asked);
    assert.equal((await run(made, ["printf", "%s", "hello"])).stdout.toString(), "hello");
  },

  "abort:open": async ({ backend, shared }) => {
    const made = await shared();
    assert.equal(await rejection(backend.open(made.sandboxId, { signal: aborted() })), reason);
  },

  "abort:list": async ({ backend }) => {
    assert.equal(await rejection(collect(backend.list({ signal: aborted() }))), reason);
  },

  "abort:exec:before": async ({ shared, directory }) => {
    const sandbox = await shared();
    const handle = sandbox.exec(["true"], { cwd: directory, signal: aborted() });
    assert.equal(await rejection(handle), reason);
  },

  "abort:exec:lives": async ({ shared, directory, token, until, milliseconds }) => {
    const sandbox = await shared();
    const word = token();
    const controller = new AbortController();
    const text = 'while ! [ -e "$1/go" ]; do sleep 0.05; done; printf ended > "$1/ended"';
    const handle = await sandbox.exec(["sh", "-c", text, word, directory], { signal: controller.signal });
    const over = Promise.allSettled([handle.stdout.cancel(), handle.stderr.cancel(), handle.exit]);
    await until("the process", () => isTokenAlive(sandbox, word));
    controller.abort(reason);
    await script(sandbox, ': > "$1/go"', directory);
    assert.equal(await untilWritten({ milliseconds }, sandbox, { path: `${directory}/ended` }), "ended");
    await over;
  },

  "abort:launch:lives": async (context) => {
    const made = await context.sandbox();
    const controller = new AbortController();
    const text =
      "printf x > born; while ! [ -e go ]; do sleep 0.05; done; printf alive > answer; while :; do sleep 0.2; done";
    await made.startAgent(scriptLaunch(text), { signal: controller.signal });
    await untilWritten(context, made, { path: "born" });
    controller.abort(reason);
    await script(made, ": > go");
    assert.equal(await untilWritten(context, made, { path: "answer" }), "alive");
    assert.equal((await made.inspect()).agent.state, "running");
  },

  "abort:exit": async ({ sandbox }) => {
    const made = await sandbox();
    await launch(made, loop);
    const controller = new AbortController();
    const waiting = made.agentExit({ signal: controller.signal });
    controller.abort(reason);
    assert.equal(await rejection(waiting), reason);
    assert.equal((await made.inspect()).agent.state, "running");
  },

  "abort:files": async ({ shared, directory }) => {
    const sandbox = await shared();
    await sandbox.files.write(`${directory}/file`, new Uint8Array(10));
    const { files } = sandbox;
    assert.equal(await rejection(files.read(`${directory}/file`, { signal: aborted() })), reason);
    assert.equal(await rejection(files.write(`${directory}/file`, new Uint8Array(20), { signal: aborted() })), reason);
    assert.equal((await files.stat(`${directory}/file`)).sizeBytes, 10);
  },

  "abort:stop": async ({ sandbox, token, until }) => {
    const made = await sandbox();
    const word = token();
    await made.startAgent({ ...scriptLaunch(loop), argv: ["sh", "-c", loop, word] });
    await until("the agent", () => isTokenAlive(made, word));
    assert.equal(await rejection(made.stop({ signal: aborted() })), reason);
    await made.stop({ graceMs: 500 });
    assert.equal((await made.inspect()).state, "stopped");
  },
};
