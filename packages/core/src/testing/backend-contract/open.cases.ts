import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import { collect, peek, run, script } from "../contract-commands.ts";
import type { ContractCases } from "../contract-context.ts";

export const openCases: ContractCases = {
  "open:unknown": async ({ backend }) => {
    assert.equal(await backend.open(randomUUID()), undefined);
  },

  "open:makes-nothing": async ({ backend }) => {
    const sandboxId = randomUUID();
    await backend.open(sandboxId);
    const ids = (await collect(backend.list())).map((summary) => summary.sandboxId);
    assert.equal(ids.includes(sandboxId), false);
  },

  "open:running": async ({ backend, shared }) => {
    const made = await shared();
    const found = await backend.open(made.sandboxId);
    assert.equal(found?.sandboxId, made.sandboxId);
    assert.equal(found?.name, made.name);
    assert.equal(found?.workspacePath, made.workspacePath);
  },

  "open:new-object": async ({ reopen, shared, directory }) => {
    const made = await shared();
    await script(made, 'printf content > "$1/file"', directory);
    const found = await reopen().open(made.sandboxId);
    assert.ok(found);
    assert.equal(found.name, made.name);
    assert.equal(found.workspacePath, made.workspacePath);
    assert.equal((await found.inspect()).state, "running");
    assert.equal(await peek(found, `${directory}/file`), "content");
    assert.equal(await script(found, 'printf %s "$CONTRACT_SPEC"'), "from the spec");
  },

  "open:stopped": async ({ reopen, sandbox }) => {
    const made = await sandbox();
    await made.stop({ graceMs: 500 });
    const found = await reopen().open(made.sandboxId);
    assert.ok(found);
    assert.equal((await found.inspect()).state, "stopped");
    await found.start();
    assert.equal((await run(found, ["printf", "%s", "hello"])).stdout.toString(), "hello");
  },

  "open:destroyed": async ({ backend, sandbox, reopen }) => {
    const made = await sandbox();
    await made.destroy({ graceMs: 500 });
    assert.equal(await backend.open(made.sandboxId), undefined);
    assert.equal(await reopen().open(made.sandboxId), undefined);
  },

  "open:other-instance": async ({ otherInstance, shared }) => {
    const made = await shared();
    const other = await otherInstance();
    assert.equal(await other.open(made.sandboxId), undefined);
  },
};
