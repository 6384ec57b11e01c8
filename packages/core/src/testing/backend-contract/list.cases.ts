import assert from "node:assert/strict";

import type { Backend, SandboxSummary } from "../../contract/index.ts";
import { collect, isTokenAlive } from "../contract-commands.ts";
import type { ContractCases } from "../contract-context.ts";
import { loop } from "./scripts.ts";

async function find(backend: Backend, sandboxId: string): Promise<SandboxSummary | undefined> {
  return (await collect(backend.list())).find((summary) => summary.sandboxId === sandboxId);
}

export const listCases: ContractCases = {
  "list:ours": async ({ backend, spec, track, shared }) => {
    const asked = await spec();
    track(asked);
    await backend.create(asked);
    for (const { sandboxId, name } of [asked, await shared()]) {
      const found = await find(backend, sandboxId);
      assert.equal(found?.name, name);
      assert.equal(found?.state, "running");
    }
  },

  "list:once": async ({ backend, shared }) => {
    const made = await shared();
    await backend.open(made.sandboxId);
    const ids = (await collect(backend.list())).map((summary) => summary.sandboxId);
    assert.equal(ids.filter((id) => id === made.sandboxId).length, 1);
  },

  "list:stopped": async ({ backend, sandbox }) => {
    const made = await sandbox();
    await made.stop({ graceMs: 500 });
    assert.equal((await find(backend, made.sandboxId))?.state, "stopped");
  },

  "list:destroyed": async ({ backend, sandbox }) => {
    const made = await sandbox();
    await made.destroy({ graceMs: 500 });
    assert.equal(await find(backend, made.sandboxId), undefined);
  },

  "list:new-object": async ({ reopen, shared }) => {
    const made = await shared();
    assert.equal((await find(reopen(), made.sandboxId))?.name, made.name);
  },

  "list:other-instance": async ({ backend, otherInstance, spec, track, shared }) => {
    const ours = await shared();
    const other = await otherInstance();
    assert.deepEqual(await collect(other.list()), []);
    const theirs = await spec();
    track(theirs, other);
    await other.create(theirs);
    assert.deepEqual(
      (await collect(other.list())).map((summary) => summary.sandboxId),
      [theirs.sandboxId],
    );
    const seen = new Set((await collect(backend.list())).map((summary) => summary.sandboxId));
    assert.ok(seen.has(ours.sandboxId));
    assert.equal(seen.has(theirs.sandboxId), false);
  },

  "list:changes-nothing": async ({ backend, shared, token, until }) => {
    const made = await shared();
    const word = token();
    const handle = await made.exec(["sh", "-c", loop, word]);
    await until("the process", () => isTokenAlive(made, word));
    await collect(backend.list());
    assert.equal(await isTokenAlive(made, word), true);
    assert.equal((await made.inspect()).state, "running");
    await handle.kill("SIGKILL");
  },
};
