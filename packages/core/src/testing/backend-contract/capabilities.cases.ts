import assert from "node:assert/strict";

import type { Capability, Sandbox, SandboxSpec } from "../../contract/index.ts";
import { peek, rejectsWith, run, script } from "../contract-commands.ts";
import type { ContractCases, ContractContext, PowerCase, PowerCases } from "../contract-context.ts";

const powers: readonly Capability[] = [
  "image",
  "cpuLimit",
  "memoryLimit",
  "processLimit",
  "pullPolicy",
  "networkPolicy",
  "hibernate",
  "checkpoint",
  "refresh",
  "usage",
  "user",
];

type Asked = Partial<SandboxSpec> | ((context: ContractContext) => Partial<SandboxSpec>);

/** Something that the spec may ask for. */
function specCase(asked: Asked, check: (sandbox: Sandbox, context: ContractContext) => Promise<void>): PowerCase {
  const create = async (context: ContractContext): Promise<Sandbox> =>
    context.sandbox(typeof asked === "function" ? asked(context) : asked);
  return {
    ask: create,
    works: async (context) => {
      const sandbox = await create(context);
      assert.equal((await run(sandbox, ["printf", "%s", "hello"])).stdout.toString(), "hello");
      await check(sandbox, context);
    },
  };
}

/** Something that can be asked of a sandbox. */
function callCase(ask: (sandbox: Sandbox) => Promise<unknown>, works: (sandbox: Sandbox) => Promise<void>): PowerCase {
  return {
    ask: async ({ shared }) => ask(await shared()),
    works: async ({ sandbox }) => works(await sandbox()),
  };
}

const nothingMore = async (): Promise<void> => undefined;

export const capabilityCases: ContractCases = {
  "capabilities:record": async ({ backend, reopen }) => {
    assert.equal(backend.specificationVersion, "backend-v1");
    assert.match(backend.backendId, /^[a-z][a-z0-9-]*$/);
    const { capabilities } = backend;
    for (const power of powers) assert.equal(typeof capabilities[power], "boolean", power);
    assert.ok(["none", "container", "pod", "vm"].includes(capabilities.isolation), capabilities.isolation);
    assert.ok(["host", "mounted", "remote"].includes(capabilities.workspace), capabilities.workspace);
    assert.ok(["bytes", "screen"].includes(capabilities.terminal), capabilities.terminal);
    assert.deepEqual({ ...reopen().capabilities }, { ...capabilities });
  },
};

export const powerCases: PowerCases = {
  "power:image:create": specCase(({ samples }) => ({ image: samples.image ?? "debian:stable-slim" }), nothingMore),

  "power:pull-policy:create": specCase(
    ({ samples }) => ({
      pullPolicy: "if-not-present",
      ...(samples.image === undefined ? {} : { image: samples.image }),
    }),
    nothingMore,
  ),

  "power:cpu-limit:create": specCase({ limits: { cpus: 1 } }, async (sandbox) => {
    const seen = (await peek(sandbox, "/sys/fs/cgroup/cpu.max")).trim();
    if (/^\d+ \d+$/.test(seen)) {
      const [quota, period] = seen.split(" ").map(Number);
      assert.equal(quota, period);
    }
  }),

  "power:memory-limit:create": specCase({ limits: { memoryBytes: 268_435_456 } }, async (sandbox) => {
    const seen = (await peek(sandbox, "/sys/fs/cgroup/memory.max")).trim();
    if (/^\d+$/.test(seen)) assert.equal(Number(seen), 268_435_456);
  }),

  "power:process-limit:create": specCase({ limits: { processes: 64 } }, async (sandbox) => {
    // As many as are asked for at once, of which some are refused.
    const text = "for n in $(seq 100); do sleep 60 & done 2>&1; echo started; kill $(jobs -p) 2>/dev/null";
    const { stdout, stderr } = await run(sandbox, ["sh", "-c", text]);
    assert.match(stdout.toString() + stderr.toString(), /fork|Resource temporarily unavailable|Cannot/iu);
  }),

  "power:network:create": specCase({ network: { mode: "none" } }, async (sandbox) => {
    assert.notEqual((await sandbox.inspect()).egress, "open");
  }),

  "power:user:create": specCase(
    ({ samples }) => ({ user: samples.user ?? "1000:1000" }),
    async (sandbox, { samples }) => {
      const [user = "1000", group] = (samples.user ?? "1000:1000").split(":");
      assert.equal(await script(sandbox, "id -u"), `${user}\n`);
      if (group !== undefined) assert.equal(await script(sandbox, "id -g"), `${group}\n`);
    },
  ),

  "power:hibernate:create": specCase({ hibernationTimeoutMs: "never" }, nothingMore),

  "power:network:call": callCase(
    (sandbox) => sandbox.network({ mode: "none" }),
    async (sandbox) => {
      await sandbox.network({ mode: "none" });
      assert.notEqual((await sandbox.inspect()).egress, "open");
      await sandbox.network({ mode: "none" });
    },
  ),

  "power:hibernate:call": callCase(
    (sandbox) => sandbox.hibernate(),
    async (sandbox) => {
      await script(sandbox, "printf content > file");
      await sandbox.hibernate();
      await sandbox.hibernate();
      assert.equal((await sandbox.inspect()).state, "hibernated");
      await sandbox.wake();
      assert.equal(await peek(sandbox, "file"), "content");
    },
  ),

  "power:hibernate:wake": callCase(
    (sandbox) => sandbox.wake(),
    async (sandbox) => {
      await sandbox.wake();
      await sandbox.hibernate();
      await sandbox.wake();
      await sandbox.wake();
      assert.equal((await sandbox.inspect()).state, "running");
      assert.equal((await run(sandbox, ["printf", "%s", "hello"])).stdout.toString(), "hello");
    },
  ),

  "power:checkpoint:create": callCase(
    (sandbox) => sandbox.checkpoints.create(),
    async (sandbox) => {
      const made = await sandbox.checkpoints.create({ note: "before" });
      assert.ok(made.checkpointId.length > 0);
      assert.equal(made.note, "before");
      assert.ok(made.createdAt instanceof Date);
    },
  ),

  "power:checkpoint:list": callCase(
    (sandbox) => sandbox.checkpoints.list(),
    async (sandbox) => {
      assert.deepEqual(await sandbox.checkpoints.list(), []);
      const made = await sandbox.checkpoints.create();
      assert.deepEqual(
        (await sandbox.checkpoints.list()).map((checkpoint) => checkpoint.checkpointId),
        [made.checkpointId],
      );
    },
  ),

  "power:checkpoint:restore": callCase(
    (sandbox) => sandbox.checkpoints.restore("unknown"),
    async (sandbox) => {
      await script(sandbox, "printf before > file");
      const made = await sandbox.checkpoints.create();
      await script(sandbox, "printf after > file");
      await sandbox.checkpoints.restore(made.checkpointId);
      await sandbox.start();
      assert.equal(await peek(sandbox, "file"), "before");
    },
  ),

  "power:checkpoint:delete": callCase(
    (sandbox) => sandbox.checkpoints.delete("unknown"),
    async (sandbox) => {
      const made = await sandbox.checkpoints.create();
      await sandbox.checkpoints.delete(made.checkpointId);
      await sandbox.checkpoints.delete(made.checkpointId);
      assert.deepEqual(await sandbox.checkpoints.list(), []);
    },
  ),

  "power:refresh:call": callCase(
    (sandbox) => sandbox.refresh(),
    async (sandbox) => {
      await script(sandbox, "printf content > file");
      await sandbox.refresh();
      await sandbox.start();
      assert.equal(await peek(sandbox, "file"), "content");
    },
  ),

  "power:usage:call": callCase(
    (sandbox) => sandbox.usage(),
    async (sandbox) => {
      const usage = await sandbox.usage();
      assert.ok(usage.memoryBytes >= 0 && Number.isFinite(usage.memoryBytes));
      assert.ok(usage.cpuMilliseconds >= 0 && Number.isFinite(usage.cpuMilliseconds));
      assert.ok(usage.processes >= 0 && Number.isInteger(usage.processes));
    },
  ),
};

/** The power was asked for and is absent: the backend says so, names it, and has made nothing. */
export async function refusesPower(power: PowerCase, capability: Capability, context: ContractContext): Promise<void> {
  const error = await rejectsWith(power.ask(context), "capability.unsupported");
  assert.equal(error.context["capability"], capability);
  assert.equal(error.context["backendId"], context.backend.backendId);
  for await (const summary of context.backend.list()) {
    assert.equal(context.isTracked(summary.sandboxId), false, "a refused create leaves nothing");
  }
}
