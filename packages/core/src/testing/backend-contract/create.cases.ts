import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";

import type { Backend, SandboxSummary } from "../../contract/index.ts";
import { collect, isTokenAlive, peek, rejection, rejectsWith, run, script } from "../contract-commands.ts";
import type { ContractCases, ContractContext } from "../contract-context.ts";
import { loop } from "./scripts.ts";

async function listed(backend: Backend, sandboxId: string): Promise<readonly SandboxSummary[]> {
  const all = await collect(backend.list());
  return all.filter((summary) => summary.sandboxId === sandboxId);
}

/** A spec of which nothing can be made. */
async function failingSpec({ samples, spec, outside }: ContractContext) {
  const good = await spec();
  return { good, bad: samples.failing?.(good) ?? { ...good, workspace: { hostPath: join(outside, randomUUID()) } } };
}

export const createCases: ContractCases = {
  "create:exec-works": async ({ sandbox }) => {
    const made = await sandbox();
    assert.equal((await run(made, ["printf", "%s", "hello"])).stdout.toString(), "hello");
  },

  "create:handle": async ({ backend, spec, track }) => {
    const asked = await spec();
    track(asked);
    const made = await backend.create(asked);
    assert.equal(made.sandboxId, asked.sandboxId);
    assert.equal(made.name, asked.name);
    assert.ok(isAbsolute(made.workspacePath), "workspacePath is absolute");
    if (backend.capabilities.workspace === "host") assert.equal(made.workspacePath, asked.workspace.hostPath);
    const status = await made.inspect();
    assert.equal(status.state, "running");
    assert.equal(status.agent.state, "none");
    assert.ok(["sealed", "policy", "open"].includes(status.egress), `egress is a known word: ${status.egress}`);
    if (backend.capabilities.isolation === "none") assert.equal(status.egress, "open");
  },

  "create:workspace": async ({ backend, spec, track }) => {
    const asked = await spec();
    track(asked);
    const made = await backend.create(asked);
    const { hostPath } = asked.workspace;
    if (hostPath === undefined) {
      assert.deepEqual(await made.files.list("."), []);
      return;
    }
    assert.equal(await peek(made, "README.md"), "a workspace\n");
    await script(made, 'printf %s "$1" > written', "from inside");
    assert.equal(await readFile(join(hostPath, "written"), "utf8"), "from inside");
  },

  "create:idempotent": async ({ backend, spec, track, token, until }) => {
    const asked = await spec();
    track(asked);
    const first = await backend.create(asked);
    const word = token();
    await first.exec(["sh", "-c", loop, word]);
    await until("the process", () => isTokenAlive(first, word));
    const second = await backend.create(asked);
    assert.equal(second.sandboxId, first.sandboxId);
    assert.equal(await isTokenAlive(second, word), true, "the second create found the first one's sandbox as it was");
    assert.equal((await listed(backend, asked.sandboxId)).length, 1);
  },

  "create:concurrent": async ({ backend, spec, track }) => {
    const asked = await spec();
    track(asked);
    const made = await Promise.all(Array.from({ length: 4 }, () => backend.create(asked)));
    assert.equal((await listed(backend, asked.sandboxId)).length, 1);
    await script(made[0]!, "printf one > shared");
    for (const each of made) assert.equal(await peek(each, "shared"), "one");
  },

  "create:concurrent:objects": async ({ backend, reopen, spec, track }) => {
    const asked = await spec();
    track(asked);
    const backends = [backend, reopen(), reopen()];
    const made = await Promise.all([...backends, backend].map((each) => each.create(asked)));
    for (const each of backends) assert.equal((await listed(each, asked.sandboxId)).length, 1);
    await script(made[0]!, "printf one > shared");
    for (const each of made) assert.equal(await peek(each, "shared"), "one");
  },

  "create:many": async ({ sandbox }) => {
    const made = await Promise.all(Array.from({ length: 3 }, () => sandbox()));
    await Promise.all(made.map((each) => script(each, 'printf %s "$1" > own', each.sandboxId)));
    for (const each of made) assert.equal(await peek(each, "own"), each.sandboxId);
  },

  "create:name:longest": async ({ sandbox }) => {
    const name = `c${randomUUID()}${randomUUID()}`.slice(0, 63);
    const made = await sandbox({ name });
    assert.equal(made.name, name);
    assert.equal((await run(made, ["printf", "%s", "hello"])).stdout.toString(), "hello");
  },

  "create:name:other-instance": async ({ backend, otherInstance, spec, track, token, until }) => {
    const [theirs, ours] = [await spec(), await spec()];
    const other = await otherInstance();
    track(theirs, other);
    const foreign = await other.create(theirs);
    const word = token();
    await foreign.exec(["sh", "-c", loop, word]);
    await until("the other's process", () => isTokenAlive(foreign, word));
    const asked = { ...ours, name: theirs.name };
    track(asked);
    try {
      const made = await backend.create(asked);
      assert.equal((await run(made, ["printf", "%s", "hello"])).stdout.toString(), "hello");
      await made.destroy({ graceMs: 500 });
    } catch (error) {
      await rejectsWith(Promise.reject(error), "sandbox.name-taken");
    }
    assert.equal(await isTokenAlive(foreign, word), true, "the other instance's sandbox was not touched");
  },

  "create:name:foreign": async ({ backend, backendContext, samples, spec, track }) => {
    assert.ok(samples.foreign, "give `samples.foreign`: it makes an object of the name that is not ours");
    const asked = await spec();
    track(asked);
    await using _foreign = await samples.foreign(asked.name, backendContext);
    await rejectsWith(backend.create(asked), "sandbox.name-taken");
    assert.equal(await backend.open(asked.sandboxId), undefined);
    assert.deepEqual(await listed(backend, asked.sandboxId), []);
  },

  "create:failure:rejects": async (context) => {
    const { bad } = await failingSpec(context);
    context.track(bad);
    await rejectsWith(context.backend.create(bad), "sandbox.start-failed");
  },

  "create:failure:leaves-nothing": async (context) => {
    const { backend, track } = context;
    const { bad } = await failingSpec(context);
    track(bad);
    await rejection(backend.create(bad));
    assert.deepEqual(await listed(backend, bad.sandboxId), []);
    assert.equal(await backend.open(bad.sandboxId), undefined);
  },

  "create:failure:retry": async (context) => {
    const { backend, track } = context;
    const { good, bad } = await failingSpec(context);
    track(good);
    await rejection(backend.create(bad));
    const made = await backend.create(good);
    assert.equal((await run(made, ["printf", "%s", "hello"])).stdout.toString(), "hello");
  },

  "create:again-after-destroy": async ({ backend, spec, track }) => {
    const asked = await spec();
    track(asked);
    const first = await backend.create(asked);
    await first.destroy({ graceMs: 500 });
    const second = await backend.create(asked);
    assert.equal((await second.inspect()).state, "running");
    assert.equal((await run(second, ["printf", "%s", "hello"])).stdout.toString(), "hello");
  },
};
